// The two sides of a prediction on the host, and the moments of every training
// set without refitting rows: total minus what is held out.
#ifndef REPSCORE_CORE_MEASURES_PREDICT_ROWS_H_
#define REPSCORE_CORE_MEASURES_PREDICT_ROWS_H_

#include <cstdint>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/host_algebra.h"
#include "core/statistics/folds.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// op(a) op(b); large products run on the backend.
Eigen::MatrixXd Multiply(Backend& backend,
                         Op a_op,
                         const Eigen::MatrixXd& a,
                         Op b_op,
                         const Eigen::MatrixXd& b);

/// a'a
Eigen::MatrixXd GramOf(Backend& backend, const Eigen::MatrixXd& a);

/// V diag(w) V' of a symmetric positive semidefinite matrix, eigenvalues
/// above rounding only.
struct HostSpectrum {
  Eigen::MatrixXd vectors;  ///< [n x rank]
  Eigen::VectorXd values;   ///< ascending
};
HostSpectrum SpectrumOf(Backend& backend, const Eigen::MatrixXd& a);

/// How a regression sees the predictor.
enum class PredictorForm {
  kFeature,  ///< X, by its Gram matrix A = X'X
  kColumns,  ///< X itself and X'Y, no Gram matrix
  kRoot,     ///< as kColumns, by at most n columns with the same K = XX'
  kKernel,   ///< K only
  kRows,     ///< X itself, no Gram matrix
};

/// One training set and the rows it is judged by, all centred on the training
/// means. `solution` = gram^-1 cross predicts by probe * solution:
///   kFeature: A_t [p x p], M_t [p x q], X_v [n_v x p]
///   kKernel:  K_t [n_t x n_t], Y_t [n_t x q], K_vt [n_v x n_t]
///   kColumns, kRoot: M_t only
struct TrainingSet {
  int64_t rows = 0;  ///< n_t
  Eigen::MatrixXd gram;
  Eigen::MatrixXd cross;
  Eigen::MatrixXd probe;
  Eigen::MatrixXd actual;     ///< Y_v [n_v x q]
  Eigen::RowVectorXd centre;  ///< training means of Y [1 x q]
  /// Squared norms of X_t's columns: kRows; kColumns and kRoot, where units
  /// that do not vary in training have 0.
  Eigen::RowVectorXd weights;
};

class PredictionRows {
 public:
  PredictionRows(const Statistics& statistics, PredictorForm form);

  Backend& backend() const { return backend_; }
  PredictorForm form() const { return form_; }
  int64_t rows() const { return y_.rows(); }
  int64_t features() const { return features_; }
  /// Centred on all rows [n x q].
  const Eigen::MatrixXd& reference() const { return y_; }
  /// A [p x p] or K [n x n] of all rows.
  const Eigen::MatrixXd& products() const { return products_; }
  /// X [n x p] in the backend's memory; for kColumns and kRoot.
  const Matrix& columns() const { return columns_; }

  TrainingSet Train(const Split& split) const;

  /// Orthonormal basis [n_t x rank] of the training rows' column space and the
  /// eigenvalues of their kernel, from the spectrum of Train(split).gram; for
  /// kFeature and kKernel.
  Eigen::MatrixXd Basis(const Split& split, const HostSpectrum& spectrum) const;

  /// Y of these rows, centred on their own means.
  Eigen::MatrixXd CentredReference(const std::vector<int64_t>& rows) const;

  /// `rows` cut into `count` blocks in the order of the dataset.
  std::vector<Split> InnerFolds(const std::vector<int64_t>& rows,
                                int64_t count) const;

  /// Squared norms of at most these are rounding of a constant column:
  /// targets [q], and units [p] for kRows.
  const Eigen::VectorXd& target_floors() const { return floors_; }
  const Eigen::VectorXd& unit_floors() const { return unit_floors_; }

 private:
  TrainingSet TrainOnMoments(const Split& split) const;
  TrainingSet TrainOnKernel(const Split& split) const;
  bool by_columns() const {
    return form_ == PredictorForm::kColumns || form_ == PredictorForm::kRoot;
  }
  Eigen::MatrixXd PredictorRows(const std::vector<int64_t>& rows) const;
  /// Units that do not vary in training must not be fitted: `all` [p] squared
  /// norms, of which set.weights is left.
  static void DropConstantUnits(const Eigen::VectorXd& all, TrainingSet& set);

  Backend& backend_;
  const PredictorForm form_;
  const std::vector<int64_t> original_rows_;
  int64_t features_ = 0;
  Eigen::MatrixXd x_;  ///< not by_columns()
  Matrix columns_;     ///< by_columns()
  Eigen::MatrixXd y_;
  Eigen::MatrixXd products_;
  Eigen::MatrixXd cross_;
  Eigen::VectorXd squares_;  ///< of X's columns; by_columns()
  Eigen::VectorXd floors_;
  Eigen::VectorXd unit_floors_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_PREDICT_ROWS_H_
