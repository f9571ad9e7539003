#include "core/measures/pairwise_kernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/specification.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Off-diagonal kernels below the first or above the second (root mean square)
// tell rows apart by rounding alone.
constexpr double kUnderflow = 1e-30;
constexpr double kSaturation = 1.0 - 1e-8;

// Columns that are on the host at a time.
constexpr int64_t kBlockColumns = 256;

constexpr std::array<std::string_view, 3> kRuleNames = {
    "median_all", "median_offdiagonal", "absolute"};
constexpr std::array<std::string_view, 3> kKernelNames = {
    "linear", "rbf", "laplace"};

std::string_view NameOf(Side side) {
  return side == Side::kCandidate ? "candidate" : "reference";
}

/// "name(inner)" or "name".
struct Call {
  std::string_view name;
  std::optional<std::string_view> inner;
};

Call ParseCall(std::string_view text) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') {
    return {.name = text, .inner = std::nullopt};
  }
  return {.name = text.substr(0, open),
          .inner = text.substr(open + 1, text.size() - open - 2)};
}

/// Elements at (size - 1) / 2 and size / 2 of a sorted list, whose mean is its
/// median, when the list is `zeros` zeros and every one of `values`
/// `repetitions` times.
double MedianWithZeros(std::vector<double> values,
                       size_t zeros,
                       size_t repetitions) {
  const size_t size = zeros + values.size() * repetitions;
  const auto at = [&](size_t index) {
    if (index < zeros) {
      return 0.0;
    }
    const auto position = values.begin() + static_cast<std::ptrdiff_t>(
                                               (index - zeros) / repetitions);
    std::nth_element(values.begin(), position, values.end());
    return *position;
  };
  return 0.5 * (at((size - 1) / 2) + at(size / 2));
}

}  // namespace

absl::StatusOr<Bandwidth> Bandwidth::Parse(std::string_view text) {
  const Call call = ParseCall(text);
  const auto* found =
      std::find(kRuleNames.begin(), kRuleNames.end(), call.name);
  Bandwidth bandwidth;
  bandwidth.rule = static_cast<Rule>(found - kRuleNames.begin());
  const bool known = found != kRuleNames.end() &&
                     (call.inner.has_value() || bandwidth.follows_data());
  if (!known || (call.inner.has_value() &&
                 !absl::SimpleAtod(AbslView(*call.inner), &bandwidth.factor))) {
    return absl::InvalidArgumentError(
        StrCat("bandwidth=",
               text,
               " is none of median_all(t), median_offdiagonal(t), "
               "absolute(s)"));
  }
  if (!std::isfinite(bandwidth.factor) || bandwidth.factor <= 0.0) {
    return absl::InvalidArgumentError(
        StrCat("bandwidth=", text, " should be finite and above 0"));
  }
  return bandwidth;
}

std::string Bandwidth::ToString() const {
  return StrCat(kRuleNames.at(static_cast<size_t>(rule)),
                "(",
                ShortestNumber(factor),
                ")");
}

double Bandwidth::Squared(Backend& backend,
                          const Matrix& squared_distances) const {
  if (rule == Rule::kAbsolute) {
    return factor * factor;
  }
  const int64_t n = squared_distances.rows();
  std::vector<double> distances;
  distances.reserve(static_cast<size_t>(n * (n - 1) / 2));
  std::vector<double> block;
  for (int64_t first = 0; first < n; first += kBlockColumns) {
    const int64_t count = std::min(kBlockColumns, n - first);
    block.resize(static_cast<size_t>(n * count));
    backend.Download(squared_distances.Columns(first, count),
                     absl::MakeSpan(block));
    for (int64_t j = 0; j < count; ++j) {
      const auto column = block.begin() + static_cast<std::ptrdiff_t>(j * n);
      distances.insert(distances.end(), column + (first + j + 1), column + n);
    }
  }
  const double median =
      rule == Rule::kMedianAll
          ? MedianWithZeros(std::move(distances), static_cast<size_t>(n), 2)
          : MedianWithZeros(std::move(distances), 0, 1);
  return factor * factor * median;
}

absl::StatusOr<PairwiseKernel> PairwiseKernel::Parse(std::string_view text) {
  const Call call = ParseCall(text);
  const auto* found =
      std::find(kKernelNames.begin(), kKernelNames.end(), call.name);
  PairwiseKernel kernel;
  kernel.kind = static_cast<Kind>(found - kKernelNames.begin());
  if (found == kKernelNames.end() ||
      (call.inner.has_value() && !kernel.has_bandwidth())) {
    return absl::InvalidArgumentError(
        StrCat("kernel=",
               text,
               " is none of linear, rbf(bandwidth), laplace(bandwidth)"));
  }
  if (call.inner.has_value()) {
    REPSCORE_ASSIGN_OR_RETURN(kernel.bandwidth, Bandwidth::Parse(*call.inner));
  }
  return kernel;
}

std::string PairwiseKernel::ToString() const {
  const std::string name(kKernelNames.at(static_cast<size_t>(kind)));
  return has_bandwidth() ? StrCat(name, "(", bandwidth.ToString(), ")") : name;
}

double DistanceFloor(const Statistics& statistics, Side side) {
  const bool candidate = side == Side::kCandidate;
  const Matrix& rows =
      candidate ? statistics.candidate_rows : statistics.reference_rows;
  const auto features =
      static_cast<double>(candidate ? statistics.size.candidate_features
                                    : statistics.size.reference_features);
  const double epsilon = !rows.empty() && rows.type() != kDouble
                             ? std::numeric_limits<float>::epsilon()
                             : std::numeric_limits<double>::epsilon();
  return 4.0 * epsilon * std::max(4.0, std::sqrt(features));
}

const Matrix& InnerProducts(const Statistics& statistics, Side side) {
  return side == Side::kCandidate ? statistics.kernel
                                  : statistics.reference_kernel;
}

absl::StatusOr<KernelOfSide> KernelOfSide::Create(
    const PairwiseKernel& kernel,
    const Statistics& statistics,
    Side side,
    std::vector<MeasureWarning>& warnings) {
  Backend& backend = *statistics.backend;
  const Matrix& inner = InnerProducts(statistics, side);
  KernelOfSide result(kernel, backend);
  result.values_ = backend.Allocate(inner.rows(), inner.cols(), kDouble);
  const Matrix& values = result.values_;
  if (kernel.kind == PairwiseKernel::Kind::kLinear) {
    backend.Copy(inner, values);
    return result;
  }
  backend.SquaredDistances(inner, DistanceFloor(statistics, side), values);
  if (kernel.has_bandwidth()) {
    result.width_squared_ = kernel.bandwidth.Squared(backend, values);
    if (!(result.width_squared_ > 0.0)) {
      return absl::InvalidArgumentError(
          StrCat(NameOf(side),
                 ": the median distance of its ",
                 inner.rows(),
                 " rows is 0; give a bandwidth=absolute(s)"));
    }
  }
  if (kernel.kind != PairwiseKernel::Kind::kRbf) {
    result.distances_ = backend.Allocate(inner.rows(), inner.cols(), kDouble);
    backend.Map(Function::kSquareRoot, 1.0, values, result.distances_);
  }
  if (kernel.kind == PairwiseKernel::Kind::kDistance) {
    result.values_ = result.distances_;
    return result;
  }
  if (kernel.kind == PairwiseKernel::Kind::kRbf) {
    backend.Map(Function::kExp, -0.5 / result.width_squared_, values, values);
  } else {
    backend.Map(Function::kExp,
                -1.0 / std::sqrt(result.width_squared_),
                result.distances_,
                values);
  }
  const auto n = static_cast<double>(inner.rows());
  backend.FillDiagonal(0.0, values);
  const double typical =
      std::sqrt(backend.Dot(values, values) / (n * (n - 1.0)));
  backend.FillDiagonal(1.0, values);
  if (typical < kUnderflow || typical > kSaturation) {
    warnings.push_back({.reason = typical < kUnderflow ? "KERNEL_UNDERFLOW"
                                                       : "KERNEL_SATURATED",
                        .message = StrCat(NameOf(side),
                                          ": with bandwidth ",
                                          std::sqrt(result.width_squared_),
                                          " the kernel of different rows is ",
                                          typical < kUnderflow ? "0" : "1",
                                          "; the value means little")});
  }
  return result;
}

Matrix KernelOfSide::PullBack(const Matrix& derivative) const {
  using Kind = PairwiseKernel::Kind;
  Backend& backend = *backend_;
  Matrix out = backend.Allocate(derivative.rows(), derivative.cols(), kDouble);
  if (kernel_.kind == Kind::kLinear) {
    backend.Copy(derivative, out);
    return out;
  }
  // W = 2 d value / d squared distances, over all ordered pairs:
  //   rbf -G o K / s^2, laplace -G o K / (s E), distance G / E
  const Matrix weights =
      backend.Allocate(derivative.rows(), derivative.cols(), kDouble);
  if (kernel_.kind == Kind::kRbf) {
    backend.Hadamard(-1.0 / width_squared_, derivative, values_, weights);
  } else {
    backend.Map(Function::kReciprocal, 1.0, distances_, weights);
    backend.Hadamard(1.0, derivative, weights, weights);
    if (kernel_.kind == Kind::kLaplace) {
      backend.Hadamard(
          -1.0 / std::sqrt(width_squared_), values_, weights, weights);
    }
  }
  backend.Laplacian(weights, out);
  return out;
}

}  // namespace repscore
