// Regressions from the moments of a training set: ridge at one or many
// penalties, leave-one-out by formula, partial least squares, one to one.
#ifndef REPSCORE_CORE_MEASURES_PREDICT_REGRESSORS_H_
#define REPSCORE_CORE_MEASURES_PREDICT_REGRESSORS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "core/backend/host_algebra.h"
#include "core/measures/predict_rows.h"

namespace repscore {

/// Rows of a probe that are in the backend's memory at a time.
inline constexpr int64_t kProbeRows = 4096;

// All predictions are of the test rows, centred on the training means
// [n_v x q].

/// Ridge regression with one penalty, by Cholesky; the minimum-norm least
/// squares for lambda = 0.
Eigen::MatrixXd PredictRidge(Backend& backend,
                             const TrainingSet& set,
                             double lambda);

/// Ridge regression with many penalties from one spectrum of set.gram.
class RidgePath {
 public:
  RidgePath(Backend& backend,
            const TrainingSet& set,
            const HostSpectrum& spectrum);
  Eigen::MatrixXd Predict(double lambda) const;

 private:
  Backend& backend_;
  const Eigen::VectorXd values_;
  Eigen::MatrixXd targets_;  ///< V'M_t [rank x q]
  Eigen::MatrixXd probe_;    ///< X_v V [n_v x rank]
};

/// PredictRidge for each of many penalties: a Cholesky factor for every one, or
/// one spectrum where that takes less time.
std::vector<Eigen::MatrixXd> PredictRidges(Backend& backend,
                                           const TrainingSet& set,
                                           absl::Span<const double> lambdas);

/// Residuals of the rows that n fits without each row in turn would leave,
/// intercept included.
class LeaveOneOut {
 public:
  /// `basis` [n x rank] and `values` as of PredictionRows::Basis; `targets`
  /// [n x q] centred.
  LeaveOneOut(Backend& backend,
              Eigen::MatrixXd basis,
              Eigen::VectorXd values,
              const Eigen::MatrixXd& targets);
  /// y_i - prediction without row i [n x q].
  Eigen::MatrixXd Residuals(double lambda) const;

 private:
  Backend& backend_;
  const Eigen::MatrixXd basis_;
  const Eigen::VectorXd values_;
  Eigen::MatrixXd squares_;        ///< U o U
  Eigen::MatrixXd projected_;      ///< U'Y
  Eigen::MatrixXd rest_;           ///< Y - U U'Y
  Eigen::VectorXd rest_leverage_;  ///< 1 - 1/n - diag(U U')
};

struct PlsOptions {
  int64_t components = 25;
  /// Weights by power iteration as scikit-learn's NIPALS: from the first
  /// target that varies, until |change|^2 < 1e-6 or 500 iterations. Otherwise
  /// the dominant singular vectors to rounding.
  bool nipals = false;
};

/// Partial least squares of many splits side by side (improved kernel
/// algorithm, Dayal & MacGregor 1997); `rows` by kColumns or kRoot, whose
/// training sets `sets` are used up. Stops early where nothing is left to
/// predict.
std::vector<Eigen::MatrixXd> PredictPls(const PredictionRows& rows,
                                        absl::Span<const Split> splits,
                                        absl::Span<TrainingSet> sets,
                                        const PlsOptions& options);

/// How many splits PredictPls should take at once.
int64_t PlsBatchSize(int64_t features, int64_t targets);

/// kColumns or kRoot, whichever takes fewer operations over all splits.
PredictorForm PlsForm(const ProblemSize& size,
                      int64_t splits,
                      const PlsOptions& options);

/// Every target by the unit with the largest signed correlation on the
/// training rows, the first of equal ones; for kRows. Units with a squared norm
/// of at most `floors` are left out.
Eigen::MatrixXd PredictOneToOne(const TrainingSet& set,
                                const Eigen::VectorXd& floors);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_PREDICT_REGRESSORS_H_
