// Kernels between the rows of one side as functions of their distances, and
// the way back: derivatives by a kernel become derivatives by inner products.
#ifndef REPSCORE_CORE_MEASURES_PAIRWISE_KERNEL_H_
#define REPSCORE_CORE_MEASURES_PAIRWISE_KERNEL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/measures/host.h"
#include "core/measures/measure.h"
#include "core/statistics/statistics.h"

namespace repscore {

/// The width s of a kernel, by rule; each side has its own.
struct Bandwidth {
  enum class Rule {
    /// s^2 = t^2 median of all n^2 squared distances with the zero diagonal
    /// (Kornblith et al. 2019)
    kMedianAll,
    /// s^2 = t^2 median of the squared distances of different rows
    kMedianOffDiagonal,
    kAbsolute,  ///< s itself
  };
  Rule rule = Rule::kMedianAll;
  double factor = 1.0;  ///< t or s

  /// "median_all(1)", "median_offdiagonal(0.5)", "absolute(2)"; the factor of
  /// the medians may be left out.
  static absl::StatusOr<Bandwidth> Parse(std::string_view text);
  std::string ToString() const;
  bool follows_data() const { return rule != Rule::kAbsolute; }
  /// s^2 for these squared distances [n x n]; 0 when their median is.
  double Squared(Backend& backend, const Matrix& squared_distances) const;
};

/// A kernel between rows, with |.| the Euclidean norm:
struct PairwiseKernel {
  enum class Kind {
    kLinear,    ///< <x, y>
    kRbf,       ///< exp(-|x - y|^2 / (2 s^2))
    kLaplace,   ///< exp(-|x - y| / s)
    kDistance,  ///< |x - y|
  };
  Kind kind = Kind::kLinear;
  Bandwidth bandwidth;

  /// "linear", "rbf(median_all(1))", "laplace(absolute(2))"; a bare name has
  /// the default bandwidth.
  static absl::StatusOr<PairwiseKernel> Parse(std::string_view text);
  std::string ToString() const;
  bool has_bandwidth() const {
    return kind == Kind::kRbf || kind == Kind::kLaplace;
  }
  /// The derivative leaves out how the bandwidth follows the rows.
  bool holds_bandwidth() const {
    return has_bandwidth() && bandwidth.follows_data();
  }
};

/// A kernel of one side with what its derivative needs.
class KernelOfSide {
 public:
  /// InvalidArgument when the bandwidth is 0. Adds warnings when the kernel
  /// tells hardly any rows apart.
  static absl::StatusOr<KernelOfSide> Create(
      const PairwiseKernel& kernel,
      const Statistics& statistics,
      Side side,
      std::vector<MeasureWarning>& warnings);

  const Matrix& values() const { return values_; }

  /// The derivative by inner products of one by this kernel, `derivative`
  /// [n x n] symmetric; the bandwidth is held fixed. It is 0 where equal rows
  /// make it undefined.
  Matrix PullBack(const Matrix& derivative) const;

 private:
  KernelOfSide(const PairwiseKernel& kernel, Backend& backend)
      : kernel_(kernel), backend_(&backend) {}

  PairwiseKernel kernel_;
  Backend* backend_;
  double width_squared_ = 0.0;
  Matrix values_;
  Matrix distances_;  ///< of kLaplace and kDistance
};

/// Squared distances at most this times |x_i|^2 + |x_j|^2 are rounding.
double DistanceFloor(const Statistics& statistics, Side side);

/// The kernel of inner products of one side.
const Matrix& InnerProducts(const Statistics& statistics, Side side);

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_PAIRWISE_KERNEL_H_
