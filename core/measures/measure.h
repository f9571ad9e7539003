// What a measure is: a scalar function of small statistics of two sets of
// rows, with its derivative with respect to them.
//
// Measures are immutable and thread-safe; Evaluate uses the backend that the
// statistics live on, from that backend's thread.
#ifndef REPSCORE_CORE_MEASURES_MEASURE_H_
#define REPSCORE_CORE_MEASURES_MEASURE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/statistics/folds.h"
#include "core/statistics/statistics.h"

namespace repscore {

enum class Orientation {
  kScore,     ///< grows with similarity, 1 at equality
  kDistance,  ///< 0 at equality
};

struct ParameterInfo {
  std::string_view name;
  std::string_view default_value;
  std::string_view description;
};

/// What a measure claims of itself; the conformance suite checks every claim.
/// The registry holds the claims of the default specification; an instance
/// whose parameters change them carries its own copy.
struct MeasureInfo {
  /// Family and variant: "procrustes.angular_score".
  std::string_view id;
  std::vector<std::string_view> aliases;
  std::string_view summary;
  Orientation orientation = Orientation::kScore;
  double lowest = 0.0;
  double highest = 1.0;
  /// Equal rows give exactly 1 (a score) or 0 (a distance).
  bool exact_at_equality = true;
  bool symmetric = false;
  /// The triangle inequality holds.
  bool metric = false;
  bool differentiable = true;
  /// Of the candidate side: "orthogonal", "permutation", "scale",
  /// "translation", "invertible".
  std::vector<std::string_view> invariances;
  /// Transformations that change the value, but possibly by little: the scale
  /// where a penalty is chosen from a fine grid.
  std::vector<std::string_view> weak_dependences = {};
  /// In alphabetical order.
  std::vector<ParameterInfo> parameters;
  /// Fewest rows with a defined value.
  int64_t minimum_rows = 2;
  /// Fewest columns of either side with a defined value.
  int64_t minimum_features = 1;
  /// The rows must be a multiple of this: folds of equal size.
  int64_t rows_multiple_of = 1;
  /// Rows of zeros have a value; InvalidArgument names them otherwise.
  bool accepts_zero_rows = true;
  /// Invariances that a published absolute epsilon spoils: they hold for data
  /// of ordinary size, to kNearlyInvariant of the conformance suite.
  std::vector<std::string_view> nearly_invariant = {};
  std::string_view source;
  /// Specifications whose parameters change the formula; the conformance suite
  /// runs them beside the default.
  std::vector<std::string_view> examples = {};
  /// Leading cost in rows n, candidate features p, reference features q.
  std::string_view cost = {};
  /// Where the same number is published: "package: name".
  std::vector<std::string_view> known_as = {};
  /// The adjoint is the derivative of the value; false where it leaves out how
  /// a part of the formula (a bandwidth) follows the rows.
  bool gradient_exact = true;
  /// Both sides must have the same number of columns.
  bool equal_features = false;
  /// Rows are points of trajectories: the dataset must have a time axis.
  bool needs_time = false;
  /// Of the reference side, where `symmetric` does not say so already.
  std::vector<std::string_view> reference_invariances = {};
};

/// Something the caller should know about a value.
struct MeasureWarning {
  /// UPPER_SNAKE_CASE and stable.
  std::string reason;
  std::string message;
};

/// Which derivatives Evaluate is to compute.
struct AdjointRequest {
  bool candidate = false;
  bool reference = false;
};

/// How small factorisations are done.
enum class Accuracy {
  kExact,  ///< reported scores: SVD in float64
  kFast,   ///< inside mixed-precision optimisation: see Backend::Polar
};

/// Correlations of single units of the reference with their predictions, where
/// the value is the mean or median of these.
struct UnitScores {
  /// [q], over splits as the value is; empty for a unit without a score.
  std::vector<std::optional<double>> values = {};
  /// Over units: their median, else their mean.
  bool median = false;
};

struct Evaluation {
  double value = 0.0;
  /// Standard error over splits: population standard deviation of the splits'
  /// scores / sqrt(splits). Empty where the value is no mean over splits.
  std::optional<double> error = {};
  /// Without values for every other kind of measure.
  UnitScores units = {};
  /// d value / d statistics; empty parts were not asked for or are zero.
  Adjoint adjoint;
  std::vector<MeasureWarning> warnings;
  /// The measure sits at its optimum and the adjoint is zero by convention.
  bool at_optimum = false;
};

class Measure {
 public:
  virtual ~Measure() = default;

  virtual const MeasureInfo& info() const = 0;

  /// Canonical specification with every parameter written out.
  const std::string& id() const { return id_; }

  /// The fold rule, or nullptr for a measure without folds.
  virtual const FoldRule* fold_rule() const { return nullptr; }

  /// Statistics that Evaluate reads at these sizes.
  virtual StatisticsNeeds Needs(const ProblemSize& size) const = 0;

  /// float64 elements that Evaluate without derivatives holds beside the
  /// statistics, at its most and about; empty where what the claim of cost says
  /// of factors is all.
  virtual std::optional<int64_t> WorkElements(const ProblemSize& size) const;

  /// InvalidArgument when the value is undefined for these sizes. The message
  /// names the sizes.
  virtual absl::Status CheckSize(const ProblemSize& size) const;

  /// InvalidArgument when the value is undefined for these data. The value is
  /// the same to the last bit whatever adjoints are asked for (kExact).
  virtual absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                              AdjointRequest request,
                                              Accuracy accuracy) const = 0;

 protected:
  explicit Measure(std::string id) : id_(std::move(id)) {}

 private:
  std::string id_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_MEASURE_H_
