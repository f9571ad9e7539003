#include "core/measures/directed.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/status_macros.h"

namespace repscore {
namespace {

ProblemSize SwappedSize(const ProblemSize& size) {
  ProblemSize swapped = size;
  std::swap(swapped.candidate_features, swapped.reference_features);
  swapped.space = ChooseSpace(swapped.rows, swapped.candidate_features);
  return swapped;
}

class Directed final : public Measure {
 public:
  Directed(std::shared_ptr<const Measure> base,
           Direction direction,
           MeasureInfo claims,
           std::string id)
      : Measure(std::move(id)),
        base_(std::move(base)),
        direction_(direction),
        info_(std::move(claims)) {}

  const MeasureInfo& info() const override { return info_; }
  const FoldRule* fold_rule() const override { return base_->fold_rule(); }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs = base_->Needs(SwappedSize(size)).Swapped();
    if (direction_ == Direction::kSymmetricMean) {
      needs |= base_->Needs(size);
    }
    return needs;
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(base_->CheckSize(SwappedSize(size)));
    return direction_ == Direction::kSymmetricMean ? base_->CheckSize(size)
                                                   : absl::OkStatus();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    const std::optional<int64_t> swapped =
        base_->WorkElements(SwappedSize(size));
    const std::optional<int64_t> forward =
        direction_ == Direction::kSymmetricMean ? base_->WorkElements(size)
                                                : std::nullopt;
    if (!swapped.has_value() && !forward.has_value()) {
      return std::nullopt;
    }
    // The transposed cross product.
    return std::max(swapped.value_or(0), forward.value_or(0)) +
           size.candidate_features * size.reference_features;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    const AdjointRequest swapped_request = {.candidate = request.reference,
                                            .reference = request.candidate};
    REPSCORE_ASSIGN_OR_RETURN(
        Evaluation result,
        base_->Evaluate(statistics.Swapped(), swapped_request, accuracy));
    result.adjoint = result.adjoint.Swapped(*statistics.backend);
    // Units of the candidate.
    result.units = {};
    if (direction_ == Direction::kReferenceToCandidate) {
      return result;
    }
    REPSCORE_ASSIGN_OR_RETURN(const Evaluation forward,
                              base_->Evaluate(statistics, request, accuracy));
    Evaluation mean;
    mean.value = 0.5 * (forward.value + result.value);
    mean.adjoint.AddScaled(*statistics.backend, 0.5, forward.adjoint);
    mean.adjoint.AddScaled(*statistics.backend, 0.5, result.adjoint);
    mean.warnings = forward.warnings;
    mean.warnings.insert(
        mean.warnings.end(), result.warnings.begin(), result.warnings.end());
    mean.at_optimum = forward.at_optimum && result.at_optimum;
    return mean;
  }

 private:
  const std::shared_ptr<const Measure> base_;
  const Direction direction_;
  const MeasureInfo info_;
};

}  // namespace

MeasureInfo DirectedClaims(const MeasureInfo& base, Direction direction) {
  MeasureInfo claims = base;
  if (base.symmetric || direction == Direction::kCandidateToReference) {
    return claims;
  }
  if (direction == Direction::kReferenceToCandidate) {
    std::swap(claims.invariances, claims.reference_invariances);
    return claims;
  }
  claims.symmetric = true;
  claims.reference_invariances = {};
  claims.invariances = {};
  const auto& reference = base.reference_invariances;
  std::copy_if(base.invariances.begin(),
               base.invariances.end(),
               std::back_inserter(claims.invariances),
               [&reference](std::string_view invariance) {
                 return std::find(reference.begin(),
                                  reference.end(),
                                  invariance) != reference.end();
               });
  return claims;
}

std::shared_ptr<const Measure> MakeDirected(std::shared_ptr<const Measure> base,
                                            Direction direction,
                                            std::string id) {
  MeasureInfo claims = DirectedClaims(base->info(), direction);
  return MakeDirected(
      std::move(base), direction, std::move(claims), std::move(id));
}

std::shared_ptr<const Measure> MakeDirected(std::shared_ptr<const Measure> base,
                                            Direction direction,
                                            MeasureInfo claims,
                                            std::string id) {
  if (direction == Direction::kCandidateToReference) {
    return base;
  }
  return std::make_shared<Directed>(
      std::move(base), direction, std::move(claims), std::move(id));
}

}  // namespace repscore
