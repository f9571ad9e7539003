#include "core/analysis/decoding_rows.h"

#include <algorithm>
#include <limits>

#include "core/base/dtype.h"
#include "core/base/text.h"

namespace repscore {
namespace {

/// Singular directions below this share of the largest are rounding.
constexpr double kRankFloor = 1e-10;

using RowMajor =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace

absl::Status CheckRows(const BinLayout& layout,
                       absl::Span<const double> rows,
                       int64_t features) {
  const int64_t n = layout.bins * layout.bin_rows;
  if (static_cast<int64_t>(rows.size()) != n * features) {
    return absl::InvalidArgumentError(StrCat("rows: has ",
                                             rows.size(),
                                             " elements, ",
                                             n,
                                             " x ",
                                             features,
                                             " are needed"));
  }
  if (FirstNonFinite(rows) >= 0) {
    return absl::InvalidArgumentError("rows: an entry is not finite");
  }
  return absl::OkStatus();
}

BinRows::BinRows(const double* elements, int64_t n, int64_t features, double c)
    : rows_(Eigen::Map<const RowMajor>(elements, n, features)) {
  // The intercept has no penalty: centring changes no prediction.
  const Eigen::RowVectorXd means = rows_.colwise().mean();
  rows_.rowwise() -= means;
  if (features > n) {
    UseKernel();
  }
  whitened_.emplace(rows_, c);
}

// Solutions are combinations of rows, and the penalty does not see turns:
// X = U S V' is as good as U S.
void BinRows::UseKernel() {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> kernel(
      rows_ * rows_.transpose());
  const Eigen::VectorXd values = kernel.eigenvalues().cwiseMax(0.0);
  const double floor = kRankFloor * values(values.size() - 1);
  const Eigen::Index rank =
      std::max<Eigen::Index>(1, (values.array() > floor).count());
  u_ = kernel.eigenvectors().rightCols(rank);
  s_ = values.tail(rank).cwiseSqrt().cwiseMax(
      std::numeric_limits<double>::min());
  rows_ = u_ * s_.asDiagonal();
}

Eigen::MatrixXd BinRows::ToWeights(const Eigen::MatrixXd& solution) const {
  const Eigen::Index n = rows_.rows();
  const Eigen::Index rank = rows_.cols();
  const bool fits = solution.rows() == (u_.size() > 0 ? n : rank) + 1;
  if (!fits) {
    return Eigen::MatrixXd::Zero(rank + 1, solution.cols());
  }
  if (u_.size() == 0) {
    return solution;
  }
  Eigen::MatrixXd weights(rank + 1, solution.cols());
  weights.topRows(rank) =
      s_.cwiseInverse().asDiagonal() * (u_.transpose() * solution.topRows(n));
  weights.row(rank) = solution.row(n);
  return weights;
}

Eigen::MatrixXd BinRows::ToSolution(const Eigen::MatrixXd& weights) const {
  if (u_.size() == 0) {
    return weights;
  }
  const Eigen::Index rank = rows_.cols();
  Eigen::MatrixXd solution(rows_.rows() + 1, weights.cols());
  solution.topRows(rows_.rows()) = rows_ * weights.topRows(rank);
  solution.row(rows_.rows()) = weights.row(rank);
  return solution;
}

std::vector<std::unique_ptr<const BinRows>> MakeBins(
    const BinLayout& layout,
    absl::Span<const double> rows,
    int64_t features,
    int threads) {
  std::vector<std::unique_ptr<const BinRows>> bins(
      static_cast<size_t>(layout.bins));
  ForEach(layout.bins, threads, [&](int64_t bin) {
    const double* elements = rows.data() + bin * layout.bin_rows * features;
    bins[static_cast<size_t>(bin)] = std::make_unique<const BinRows>(
        elements, layout.bin_rows, features, layout.c);
  });
  return bins;
}

}  // namespace repscore
