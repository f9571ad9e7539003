// Maximum mean discrepancy (Gretton et al. 2012): how far apart the rows of the
// two sides are as sets, in the space of a kernel. With k over pairs of rows,
//
//   MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)
//
// where the first two means are over all pairs (biased) or over pairs of
// different rows (unbiased). Rows are points of one space: both sides have the
// same columns, and their order of rows does not matter.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/host.h"
#include "core/measures/pairwise_kernel.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using Kind = PairwiseKernel::Kind;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Squared distances below this share of the squared norms are taken from the
// rows; they would be rounding of |a|^2 + |b|^2 - 2 <a, b>.
constexpr double kClose = 1e-6;

/// D_ij = |a_i - b_j|^2. One routine for all pairs of sides, so that equal
/// sides have equal distances to the last bit.
MatrixXd SquaredDistances(Backend& backend,
                          const MatrixXd& a,
                          const MatrixXd& b) {
  const Matrix products =
      backend.Allocate(a.rows(), b.rows(), ScalarType::kFloat64);
  backend.Gemm(Op::kNone,
               Op::kTranspose,
               -2.0,
               ToBackend(backend, a),
               ToBackend(backend, b),
               0.0,
               products);
  MatrixXd distances = ToHost(backend, products);
  const VectorXd a_norms = a.rowwise().squaredNorm();
  const VectorXd b_norms = b.rowwise().squaredNorm();
  for (Eigen::Index j = 0; j < distances.cols(); ++j) {
    for (Eigen::Index i = 0; i < distances.rows(); ++i) {
      const double norms = a_norms(i) + b_norms(j);
      double& distance = distances(i, j);
      distance += norms;
      if (distance <= kClose * norms) {
        distance = (a.row(i) - b.row(j)).squaredNorm();
      }
    }
  }
  return distances;
}

class MeanDiscrepancy final : public Measure {
 public:
  MeanDiscrepancy(MeasureInfo info,
                  PairwiseKernel kernel,
                  bool unbiased,
                  bool root,
                  std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        kernel_(kernel),
        unbiased_(unbiased),
        root_(root) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.means = true;
    needs.full_reference = true;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // Distances between the rows of both sides together, the kernel, and their
    // sorted list: a side of 2n each, and what they are made of.
    return 13 * size.rows * size.rows;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    Evaluation result;
    if (kernel_.kind == Kind::kLinear) {
      result.value = FromMeans(statistics);
    } else {
      REPSCORE_ASSIGN_OR_RETURN(result.value, FromPairs(statistics));
    }
    if (!unbiased_) {
      result.value = std::max(result.value, 0.0);
    }
    if (root_) {
      result.value = std::sqrt(result.value);
    }
    return result;
  }

 private:
  /// mean of the candidate - mean of the reference
  static Eigen::RowVectorXd Shift(const Statistics& statistics) {
    Backend& backend = *statistics.backend;
    const VectorXd shift = ToHost(backend, statistics.candidate_means) -
                           ToHost(backend, statistics.reference_means);
    return shift.transpose();
  }

  /// |d|^2 with d the difference of means; without the pairs of a row with
  /// itself, less (|X|^2 + |Y|^2) / (n (n - 1)).
  double FromMeans(const Statistics& statistics) const {
    const double squared = Shift(statistics).squaredNorm();
    if (!unbiased_) {
      return squared;
    }
    const auto n = static_cast<double>(statistics.size.rows);
    return squared - (statistics.candidate_norm_squared +
                      statistics.reference_norm_squared) /
                         (n * (n - 1.0));
  }

  absl::StatusOr<double> FromPairs(const Statistics& statistics) const {
    Backend& backend = *statistics.backend;
    const MatrixXd x = CentredRows(statistics, Side::kCandidate);
    const MatrixXd y = CentredRows(statistics, Side::kReference);
    MatrixXd within_x = SquaredDistances(backend, x, x);
    MatrixXd within_y = SquaredDistances(backend, y, y);
    MatrixXd between =
        SquaredDistances(backend, x.rowwise() + Shift(statistics), y);
    double width = kernel_.bandwidth.factor * kernel_.bandwidth.factor;
    if (kernel_.bandwidth.follows_data()) {
      width = PooledWidth(backend, within_x, within_y, between);
    }
    if (!(width > 0.0)) {
      return absl::InvalidArgumentError(
          StrCat("candidate: most of its ",
                 x.rows(),
                 " rows and those of the reference are equal, so that the "
                 "median distance of ",
                 id(),
                 " is 0; use an absolute bandwidth"));
    }
    for (MatrixXd* distances : {&within_x, &within_y, &between}) {
      Apply(width, *distances);
    }
    return Discrepancy(within_x, within_y, between);
  }

  /// s^2 of the kernel from all rows of both sides.
  double PooledWidth(Backend& backend,
                     const MatrixXd& within_x,
                     const MatrixXd& within_y,
                     const MatrixXd& between) const {
    const Eigen::Index n = between.rows();
    MatrixXd pooled(2 * n, 2 * n);
    pooled.topLeftCorner(n, n) = within_x;
    pooled.bottomRightCorner(n, n) = within_y;
    pooled.topRightCorner(n, n) = between;
    pooled.bottomLeftCorner(n, n) = between.transpose();
    return kernel_.bandwidth.Squared(backend, ToBackend(backend, pooled));
  }

  /// Squared distances become values of the kernel.
  void Apply(double width, MatrixXd& distances) const {
    if (kernel_.kind == Kind::kRbf) {
      distances = (distances.array() * (-0.5 / width)).exp().matrix();
    } else {
      distances =
          (distances.array().sqrt() * (-1.0 / std::sqrt(width))).exp().matrix();
    }
  }

  double Discrepancy(MatrixXd& within_x,
                     MatrixXd& within_y,
                     const MatrixXd& between) const {
    const auto n = static_cast<double>(between.rows());
    if (!unbiased_) {
      return (within_x + within_y - 2.0 * between).sum() / (n * n);
    }
    within_x.diagonal().setZero();
    within_y.diagonal().setZero();
    return (within_x + within_y).sum() / (n * (n - 1.0)) -
           2.0 * between.sum() / (n * n);
  }

  const MeasureInfo info_;
  const PairwiseKernel kernel_;
  const bool unbiased_;
  const bool root_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeMeanDiscrepancy(
    const MeasureInfo& registered, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const PairwiseKernel kernel,
                            PairwiseKernel::Parse(parameters.Text("kernel")));
  parameters.Replace("kernel", kernel.ToString());
  REPSCORE_ASSIGN_OR_RETURN(const int bias,
                            parameters.Choice("bias", {"biased", "unbiased"}));
  REPSCORE_ASSIGN_OR_RETURN(const int form,
                            parameters.Choice("form", {"distance", "squared"}));
  const bool unbiased = bias == 1;
  const bool root = form == 0;
  if (unbiased && root) {
    return absl::InvalidArgumentError(
        "form=distance has no root of an unbiased value, which may be "
        "negative; use form=squared");
  }
  MeasureInfo info = registered;
  const bool bounded = kernel.kind != Kind::kLinear;
  const double highest = bounded ? 2.0 : kInfinity;
  info.highest = root ? std::sqrt(highest) : highest;
  info.lowest = unbiased ? -highest : 0.0;
  info.exact_at_equality = !unbiased;
  info.metric = root && !kernel.holds_bandwidth();
  return std::make_shared<MeanDiscrepancy>(
      std::move(info), kernel, unbiased, root, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> MeanDiscrepancyFamily() {
  return {
      {{.id = "mmd",
        .aliases = {},
        .summary = "maximum mean discrepancy of the rows of the two sides as "
                   "sets of points; both sides have the same columns, and the "
                   "pairing of rows does not matter",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::sqrt(2.0),
        .symmetric = true,
        // With one kernel for all pairs of sides; a median is of each pair.
        .metric = false,
        .differentiable = false,
        .invariances = {},
        // Columns with equal means hardly tell.
        .weak_dependences = {"permutation"},
        .parameters =
            {{.name = "bias",
              .default_value = "biased",
              .description = "biased: means over all pairs of rows; unbiased: "
                             "without the pairs of a row with itself, may be "
                             "negative"},
             {.name = "form",
              .default_value = "distance",
              .description = "distance: root of the biased value, a metric "
                             "with a linear kernel or an absolute bandwidth; "
                             "squared"},
             {.name = "kernel",
              .default_value = "rbf",
              .description =
                  "linear, rbf(bandwidth) or laplace(bandwidth) as of "
                  "cka.rbf; a median is of the distances of all 2 n rows of "
                  "both sides. linear compares the column means"}},
        .minimum_rows = 2,
        .source = "Gretton et al. 2012, A kernel two-sample test, eqs. 3 and 5",
        .examples = {"mmd(kernel=linear)",
                     "mmd(bias=unbiased,form=squared,kernel=linear)",
                     "mmd(kernel=rbf(absolute(3)))",
                     "mmd(form=squared,kernel=laplace(absolute(4)))",
                     "mmd(bias=unbiased,form=squared)"},
        .cost = "n^2 p; linear: n p",
        .equal_features = true},
       MakeMeanDiscrepancy}};
}

}  // namespace repscore
