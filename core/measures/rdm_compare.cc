#include "core/measures/rdm_compare.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// An RDM that varies less than this against its entries is constant.
constexpr double kSmallestVariation = 64.0 * kEpsilon;
// Eigenvalues below this share of the largest are rounding.
constexpr double kSmallestEigenvalue = 1e-14;

absl::Status Constant(std::string_view side, Eigen::Index conditions) {
  return absl::InvalidArgumentError(
      StrCat(side,
             ": all distances between its ",
             conditions,
             " rows are equal, so that the comparison of RDMs is undefined"));
}

/// Entries above the diagonal, row by row.
std::vector<double> UpperTriangle(const Eigen::MatrixXd& matrix) {
  std::vector<double> entries;
  entries.reserve(static_cast<size_t>(matrix.rows() * (matrix.rows() - 1) / 2));
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    for (Eigen::Index j = i + 1; j < matrix.cols(); ++j) {
      // The lower triangle is contiguous.
      entries.push_back(matrix(j, i));
    }
  }
  return entries;
}

/// Entries in ascending order as levels 0, 1, ...: entries that differ by
/// rounding only share one.
struct Levels {
  std::vector<int64_t> of_entry;
  std::vector<int64_t> sizes;

  explicit Levels(const Rdm& rdm) {
    const std::vector<double> entries = UpperTriangle(rdm.distances);
    std::vector<std::pair<double, size_t>> order;
    order.reserve(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      order.emplace_back(entries[i], i);
    }
    std::sort(order.begin(), order.end());
    of_entry.resize(entries.size());
    for (size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || order[i].first - order[i - 1].first > rdm.noise) {
        sizes.push_back(0);
      }
      ++sizes.back();
      of_entry[order[i].second] = static_cast<int64_t>(sizes.size()) - 1;
    }
  }

  /// Average rank less the mean rank of every entry.
  std::vector<double> CentredRanks() const {
    std::vector<double> of_level;
    int64_t before = 0;
    for (const int64_t size : sizes) {
      of_level.push_back(static_cast<double>(2 * before + size) / 2.0);
      before += size;
    }
    std::vector<double> ranks;
    ranks.reserve(of_entry.size());
    for (const int64_t level : of_entry) {
      ranks.push_back(of_level[static_cast<size_t>(level)] -
                      static_cast<double>(before) / 2.0);
    }
    return ranks;
  }

  /// Pairs of entries on one level.
  int64_t TiedPairs() const {
    int64_t pairs = 0;
    for (const int64_t size : sizes) {
      pairs += size * (size - 1) / 2;
    }
    return pairs;
  }
};

/// Pairs i < j with values[i] > values[j], by merging; sorts `values`.
int64_t Inversions(std::vector<int64_t>& values) {
  std::vector<int64_t> merged(values.size());
  int64_t inversions = 0;
  for (size_t width = 1; width < values.size(); width *= 2) {
    for (size_t first = 0; first < values.size(); first += 2 * width) {
      const size_t middle = std::min(first + width, values.size());
      const size_t last = std::min(first + 2 * width, values.size());
      size_t left = first;
      size_t right = middle;
      for (size_t out = first; out < last; ++out) {
        if (right == last || (left < middle && values[left] <= values[right])) {
          merged[out] = values[left++];
        } else {
          inversions += static_cast<int64_t>(middle - left);
          merged[out] = values[right++];
        }
      }
    }
    std::swap(values, merged);
  }
  return inversions;
}

/// Knight 1966: sort by one, count the inversions of the other.
double KendallTau(const Levels& x, const Levels& y, bool tau_b) {
  const auto m = static_cast<int64_t>(x.of_entry.size());
  std::vector<std::pair<int64_t, int64_t>> pairs(x.of_entry.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = {x.of_entry[i], y.of_entry[i]};
  }
  std::sort(pairs.begin(), pairs.end());
  int64_t tied_in_both = 0;
  int64_t run = 0;
  std::vector<int64_t> second(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    run = i > 0 && pairs[i] == pairs[i - 1] ? run + 1 : 0;
    tied_in_both += run;
    second[i] = pairs[i].second;
  }
  const int64_t all = m * (m - 1) / 2;
  const int64_t tied_x = x.TiedPairs();
  const int64_t tied_y = y.TiedPairs();
  const auto difference = static_cast<double>(
      all - tied_x - tied_y + tied_in_both - 2 * Inversions(second));
  if (!tau_b) {
    return difference / static_cast<double>(all);
  }
  return std::clamp(difference / std::sqrt(static_cast<double>(all - tied_x)) /
                        std::sqrt(static_cast<double>(all - tied_y)),
                    -1.0,
                    1.0);
}

double RankCorrelation(const Levels& x, const Levels& y, bool rho_a) {
  const std::vector<double> a = x.CentredRanks();
  const std::vector<double> b = y.CentredRanks();
  const double ab = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  if (rho_a) {
    const auto m = static_cast<double>(a.size());
    return 12.0 * ab / (m * m * m - m);
  }
  const double aa = std::inner_product(a.begin(), a.end(), a.begin(), 0.0);
  const double bb = std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
  return std::clamp(ab / std::sqrt(aa) / std::sqrt(bb), -1.0, 1.0);
}

/// m - mean of its entries off the diagonal, there.
void RemoveMean(Eigen::MatrixXd& matrix) {
  const auto n = static_cast<double>(matrix.rows());
  matrix.array() -= matrix.sum() / (n * (n - 1.0));
  matrix.diagonal().setZero();
}

/// -H D H / 2
Eigen::MatrixXd CentredKernel(const Eigen::MatrixXd& distances) {
  Eigen::MatrixXd kernel = -0.5 * distances;
  const Eigen::VectorXd rows = kernel.rowwise().mean();
  const Eigen::RowVectorXd columns = kernel.colwise().mean();
  kernel.colwise() -= rows;
  kernel.rowwise() -= columns;
  kernel.array() += rows.mean();
  return kernel;
}

/// v = <A, B> / (|A| |B|) and dv / dA = (B / |B| - v A / |A|) / |A|.
struct Cosine {
  double value = 0.0;
  Eigen::MatrixXd by_a;
  Eigen::MatrixXd by_b;

  Cosine(const Eigen::MatrixXd& a,
         const Eigen::MatrixXd& b,
         AdjointRequest request) {
    const double a_norm = a.norm();
    const double b_norm = b.norm();
    value = std::clamp(a.cwiseProduct(b).sum() / a_norm / b_norm, -1.0, 1.0);
    if (request.candidate) {
      by_a = b / (a_norm * b_norm) - value / a_norm / a_norm * a;
    }
    if (request.reference) {
      by_b = a / (a_norm * b_norm) - value / b_norm / b_norm * b;
    }
  }
};

/// U [n x rank] with U U' = A for a symmetric A without negative eigenvalues.
Matrix Root(Backend& backend, const Eigen::MatrixXd& a) {
  const Matrix vectors = ToBackend(backend, 0.5 * (a + a.transpose()));
  const std::vector<double> values = backend.SymmetricEigen(vectors);
  int64_t first = 0;
  while (values[static_cast<size_t>(first)] <=
         kSmallestEigenvalue * values.back()) {
    ++first;
  }
  const int64_t rank = vectors.cols() - first;
  Matrix root = backend.Allocate(vectors.rows(), rank, ScalarType::kFloat64);
  for (int64_t i = 0; i < rank; ++i) {
    backend.Axpby(std::sqrt(values[static_cast<size_t>(first + i)]),
                  vectors.Columns(first + i, 1),
                  0.0,
                  root.Columns(i, 1));
  }
  return root;
}

/// tr (K^1/2 L K^1/2)^1/2 / sqrt(tr K tr L)
double Bures(Backend& backend,
             const Eigen::MatrixXd& k,
             const Eigen::MatrixXd& l) {
  const Matrix k_root = Root(backend, k);
  const Matrix l_root = Root(backend, l);
  const Matrix cross =
      backend.Allocate(k_root.cols(), l_root.cols(), ScalarType::kFloat64);
  backend.Gemm(Op::kTranspose, Op::kNone, 1.0, k_root, l_root, 0.0, cross);
  const Matrix q =
      backend.Allocate(cross.rows(), cross.cols(), ScalarType::kFloat64);
  const double nuclear = backend.Polar(cross, PolarMethod::kSvd, q).nuclear;
  return std::clamp(
      nuclear / std::sqrt(k.trace()) / std::sqrt(l.trace()), 0.0, 1.0);
}

absl::StatusOr<RdmComparison> CompareRanks(Comparator comparator,
                                           const Rdm& candidate,
                                           const Rdm& reference) {
  const Levels x(candidate);
  const Levels y(reference);
  for (const Levels* levels : {&x, &y}) {
    if (levels->sizes.size() < 2) {
      return Constant(levels == &x ? "candidate" : "reference",
                      candidate.distances.rows());
    }
  }
  const bool tau = comparator == Comparator::kKendallTauA ||
                   comparator == Comparator::kKendallTauB;
  RdmComparison result;
  result.value = tau ? KendallTau(x, y, comparator == Comparator::kKendallTauB)
                     : RankCorrelation(x, y, comparator == Comparator::kRhoA);
  return result;
}

/// From RDMs to the matrices that are compared without ranks, and back.
class Preparation {
 public:
  /// `whitening` must outlive this.
  Preparation(Comparator comparator, const Eigen::MatrixXd& whitening)
      : whitening_(whitening),
        centres_(comparator == Comparator::kPearson ||
                 comparator == Comparator::kWhitenedPearson),
        whitens_(IsWhitened(comparator) && whitening.size() > 0),
        kernels_(comparator != Comparator::kCosine &&
                 comparator != Comparator::kPearson) {}

  absl::StatusOr<Eigen::MatrixXd> Apply(const Rdm& rdm,
                                        std::string_view side) const {
    Eigen::MatrixXd matrix = rdm.distances;
    if (centres_) {
      RemoveMean(matrix);
    }
    const double largest = rdm.distances.cwiseAbs().maxCoeff();
    const double floor =
        std::max(rdm.noise, centres_ ? kSmallestVariation * largest : 0.0);
    if (!(matrix.cwiseAbs().maxCoeff() > floor)) {
      return Constant(side, matrix.rows());
    }
    if (kernels_) {
      matrix = CentredKernel(matrix);
    }
    if (whitens_) {
      matrix = Whitened(matrix);
    }
    return matrix;
  }

  /// RdmComparison's weights of a derivative by the matrix of Apply(), empty if
  /// that is.
  Eigen::MatrixXd PullBack(Eigen::MatrixXd weights) const {
    if (weights.size() == 0) {
      return weights;
    }
    // A pair stands for two entries of D, and of -D/2.
    weights *= kernels_ ? -1.0 : 2.0;
    if (whitens_) {
      weights = Whitened(weights);
    }
    weights.diagonal().setZero();
    // Without whitening, the weights of mean-free RDMs are mean-free.
    if (whitens_ && centres_) {
      RemoveMean(weights);
    }
    return weights;
  }

 private:
  Eigen::MatrixXd Whitened(const Eigen::MatrixXd& matrix) const {
    return whitening_ * matrix * whitening_;
  }

  const Eigen::MatrixXd& whitening_;
  bool centres_;
  bool whitens_;
  bool kernels_;
};

}  // namespace

bool IsRankComparator(Comparator comparator) {
  return comparator == Comparator::kSpearman ||
         comparator == Comparator::kRhoA ||
         comparator == Comparator::kKendallTauA ||
         comparator == Comparator::kKendallTauB;
}

bool IsWhitened(Comparator comparator) {
  return comparator == Comparator::kWhitenedCosine ||
         comparator == Comparator::kWhitenedPearson;
}

int64_t FewestConditions(Comparator comparator) {
  return comparator == Comparator::kCosine ||
                 comparator == Comparator::kWhitenedCosine ||
                 comparator == Comparator::kBures
             ? 2
             : 3;
}

absl::StatusOr<RdmComparison> CompareRdms(Backend& backend,
                                          Comparator comparator,
                                          const Rdm& candidate,
                                          const Rdm& reference,
                                          const Eigen::MatrixXd& whitening,
                                          AdjointRequest request) {
  const Eigen::Index conditions = candidate.distances.rows();
  if (conditions < FewestConditions(comparator)) {
    return absl::InvalidArgumentError(
        StrCat("compare=",
               kComparators.at(static_cast<size_t>(comparator)),
               " needs at least ",
               FewestConditions(comparator),
               " conditions; there are ",
               conditions));
  }
  if (IsRankComparator(comparator)) {
    return CompareRanks(comparator, candidate, reference);
  }
  const Preparation preparation(comparator, whitening);
  REPSCORE_ASSIGN_OR_RETURN(const Eigen::MatrixXd a,
                            preparation.Apply(candidate, "candidate"));
  REPSCORE_ASSIGN_OR_RETURN(const Eigen::MatrixXd b,
                            preparation.Apply(reference, "reference"));
  RdmComparison result;
  if (comparator == Comparator::kBures) {
    result.value = Bures(backend, a, b);
    return result;
  }
  Cosine cosine(a, b, request);
  result.value = cosine.value;
  result.candidate_weights = preparation.PullBack(std::move(cosine.by_a));
  result.reference_weights = preparation.PullBack(std::move(cosine.by_b));
  return result;
}

}  // namespace repscore
