#include "core/measures/subsampled.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/host.h"
#include "core/statistics/row_pair.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// A subset that varies less than this against all rows is constant.
constexpr double kSmallestVariation = 1e-28;

/// `rows` of a side, centred in float64; `means` becomes what all of the
/// centring removed.
Matrix Subset(Backend& backend,
              const Matrix& all,
              const std::vector<int64_t>& rows,
              const Matrix& all_means,
              Matrix& means) {
  const auto count = static_cast<int64_t>(rows.size());
  const Matrix gathered = backend.Allocate(count, all.cols(), all.type());
  backend.GatherRows(all, rows, gathered);
  Matrix subset = backend.Allocate(count, all.cols(), kDouble);
  backend.Copy(gathered, subset);
  means = backend.Allocate(all.cols(), 1, kDouble);
  backend.CentreColumns(subset, means);
  if (!all_means.empty()) {
    backend.Axpby(1.0, all_means, 1.0, means);
  }
  return subset;
}

class Subsampled final : public Measure {
 public:
  Subsampled(MeasureInfo info,
             std::shared_ptr<const Measure> base,
             FoldRule folds,
             std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        base_(std::move(base)),
        folds_(std::move(folds)) {}

  const MeasureInfo& info() const override { return info_; }
  const FoldRule* fold_rule() const override { return &folds_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    const StatisticsNeeds base = base_->Needs(size);
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.full_reference = base.full_reference;
    needs.means = base.means;
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // Rows of a subset and its statistics.
    const int64_t p = size.candidate_features;
    const int64_t q = size.reference_features;
    return size.rows * (p + q) + p * (p + q) + q * q +
           base_->WorkElements(size).value_or(0);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    Backend& backend = *statistics.backend;
    const std::vector<Split> splits =
        statistics.folds.at(folds_.ToString()).folds.Splits();
    const double share = 1.0 / static_cast<double>(splits.size());
    Gradient candidate(request.candidate,
                       statistics.size.rows,
                       statistics.candidate_rows.cols());
    Gradient reference(request.reference,
                       statistics.size.rows,
                       statistics.reference_rows.cols());
    // Means are of the reference's own columns, rows may be of fewer.
    const bool with_means = base_->Needs(statistics.size).means;
    const Matrix none;
    Evaluation result;
    for (size_t s = 0; s < splits.size(); ++s) {
      const std::vector<int64_t>& rows = splits[s].train;
      RowPair pair;
      pair.candidate = Subset(backend,
                              statistics.candidate_rows,
                              rows,
                              with_means ? statistics.candidate_means : none,
                              pair.candidate_means);
      pair.reference = Subset(backend,
                              statistics.reference_rows,
                              rows,
                              with_means ? statistics.reference_means : none,
                              pair.reference_means);
      pair.exact_reference = pair.reference;
      ProblemSize size = statistics.size;
      size.rows = static_cast<int64_t>(rows.size());
      REPSCORE_RETURN_IF_ERROR(InSplit(s, base_->CheckSize(size)));
      const RowOrder order(size.rows, {});
      Statistics part =
          ComputeStatistics(backend, pair, order, base_->Needs(size), {});
      part.size.space = size.space;
      REPSCORE_RETURN_IF_ERROR(InSplit(s, CheckVariance(statistics, part)));
      absl::StatusOr<Evaluation> evaluation =
          base_->Evaluate(part, request, accuracy);
      if (!evaluation.ok()) {
        return InSplit(s, evaluation.status());
      }
      result.value += share * evaluation->value;
      for (MeasureWarning& warning : evaluation->warnings) {
        AddOnce(std::move(warning), result.warnings);
      }
      if (request.candidate) {
        candidate.Add(
            backend,
            CandidatePullBack(backend, pair, order, evaluation->adjoint),
            rows,
            share);
      }
      if (request.reference) {
        reference.Add(
            backend,
            ReferencePullBack(backend, pair, order, evaluation->adjoint),
            rows,
            share);
      }
    }
    if (request.candidate) {
      AddRawRows(
          backend, Side::kCandidate, candidate.derivative, result.adjoint);
    }
    if (request.reference) {
      AddRawRows(
          backend, Side::kReference, reference.derivative, result.adjoint);
    }
    return result;
  }

 private:
  /// Derivative by the raw rows of one side.
  struct Gradient {
    Eigen::MatrixXd derivative;

    Gradient(bool wanted, int64_t rows, int64_t cols) {
      if (wanted) {
        derivative = Eigen::MatrixXd::Zero(rows, cols);
      }
    }

    void Add(Backend& backend,
             const PullBackTerms& terms,
             const std::vector<int64_t>& rows,
             double share) {
      const Matrix gradient =
          backend.Allocate(terms.own.rows(), terms.own.cols(), kDouble);
      backend.PullBack(terms, gradient);
      const Eigen::MatrixXd host = ToHost(backend, gradient);
      for (size_t i = 0; i < rows.size(); ++i) {
        derivative.row(rows[i]) +=
            share * host.row(static_cast<Eigen::Index>(i));
      }
    }
  };

  absl::Status InSplit(size_t split, const absl::Status& status) const {
    return status.ok() ? status
                       : absl::Status(status.code(),
                                      StrCat("split ",
                                             split,
                                             " of ",
                                             folds_.ToString(),
                                             ": ",
                                             status.message()));
  }

  static absl::Status CheckVariance(const Statistics& all,
                                    const Statistics& part) {
    const auto constant = [](double part_norm, double norm) {
      return !(part_norm > kSmallestVariation * norm);
    };
    for (const bool candidate : {true, false}) {
      if (constant(candidate ? part.candidate_norm_squared
                             : part.reference_norm_squared,
                   candidate ? all.candidate_norm_squared
                             : all.reference_norm_squared)) {
        return absl::InvalidArgumentError(
            StrCat(candidate ? "candidate" : "reference",
                   ": has no variance over its ",
                   part.size.rows,
                   " rows"));
      }
    }
    return absl::OkStatus();
  }

  static void AddOnce(MeasureWarning warning,
                      std::vector<MeasureWarning>& warnings) {
    const bool known = std::any_of(
        warnings.begin(), warnings.end(), [&](const MeasureWarning& other) {
          return other.reason == warning.reason;
        });
    if (!known) {
      warnings.push_back(std::move(warning));
    }
  }

  const MeasureInfo info_;
  const std::shared_ptr<const Measure> base_;
  const FoldRule folds_;
};

}  // namespace

std::shared_ptr<const Measure> MakeSubsampled(
    MeasureInfo info,
    std::shared_ptr<const Measure> base,
    FoldRule folds,
    std::string id) {
  return std::make_shared<Subsampled>(
      std::move(info), std::move(base), std::move(folds), std::move(id));
}

}  // namespace repscore
