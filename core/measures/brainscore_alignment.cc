// CKA and RDM similarity as the packages of Brain-Score compute them. The model
// is the candidate, the recordings are the reference.
//
//   brainscore.vision.cka        unbiased CKA: 0 unless HSIC(X, X) HSIC(Y, Y)
//                                is positive, 1e-12 added to the denominator
//   brainscore.vision.cka_biased linear CKA
//   brainscore.vision.rdm        Spearman of correlation RDMs
// and means of these over random subsets of the rows.
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/moment_cosine.h"
#include "core/measures/registry.h"
#include "core/measures/subsampled.h"

namespace repscore {
namespace {

constexpr double kAddedToDenominator = 1e-12;

class BrainScoreCka final : public Measure {
 public:
  BrainScoreCka(const MeasureInfo& info, std::string id)
      : Measure(std::move(id)), info_(info) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    return MomentFormNeeds(size.space);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    // n (n - 3) HSIC of Song et al. 2012 from moments of centred rows
    const auto n = static_cast<double>(statistics.size.rows);
    return EvaluateMomentForm({.cross = 1.0,
                               .norms = -(1.0 + 2.0 / (n - 2.0)),
                               .sums = 1.0 / ((n - 1.0) * (n - 2.0)),
                               .added = kAddedToDenominator * n * (n - 3.0),
                               .zero_when_undefined = true},
                              statistics,
                              request);
  }

 private:
  const MeasureInfo& info_;
};

/// Another measure under a name of its own.
class Renamed final : public Measure {
 public:
  Renamed(const MeasureInfo& info,
          std::shared_ptr<const Measure> base,
          std::string id)
      : Measure(std::move(id)), info_(info), base_(std::move(base)) {}

  const MeasureInfo& info() const override { return info_; }
  StatisticsNeeds Needs(const ProblemSize& size) const override {
    return base_->Needs(size);
  }
  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    return base_->WorkElements(size);
  }
  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    return base_->Evaluate(statistics, request, accuracy);
  }

 private:
  const MeasureInfo& info_;
  const std::shared_ptr<const Measure> base_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeBrainScoreCka(
    const MeasureInfo& info, Parameters& parameters) {
  return std::make_shared<BrainScoreCka>(info, parameters.Canonical());
}

/// What `info` is a name for, or averages over subsets.
absl::StatusOr<std::shared_ptr<const Measure>> BaseOf(const MeasureInfo& info) {
  std::string_view base = "rsa(compare=spearman,rdm=correlation)";
  if (info.id == "brainscore.vision.cka_cv") {
    base = "brainscore.vision.cka";
  } else if (info.id.find("cka") != std::string_view::npos) {
    base = "cka";
  }
  return CreateMeasure({.id = std::string(base)}, "id");
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeRenamed(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Measure> base, BaseOf(info));
  return std::make_shared<Renamed>(
      info, std::move(base), parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeAveraged(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(FoldRule folds, parameters.Folds("folds"));
  if (folds.in_sample()) {
    return absl::InvalidArgumentError(
        StrCat("folds=none: ", info.id, " is a mean over subsets of the rows"));
  }
  REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Measure> base, BaseOf(info));
  return MakeSubsampled(
      info, std::move(base), std::move(folds), parameters.Canonical());
}

std::vector<ParameterInfo> Subsets() {
  return {{.name = "folds",
           .default_value = "split(train=0.9,repeats=10,seed=1)",
           .description = "subsets: the training rows of every split, such as "
                          "split(train,repeats,seed,stratify) or explicit"}};
}

MeasureInfo UnbiasedCka() {
  return {.id = "brainscore.vision.cka",
          .aliases = {},
          .summary =
              "unbiased linear CKA of Brain-Score vision (since January "
              "2026), with 1e-12 added to the denominator",
          .orientation = Orientation::kScore,
          .lowest = -1.0,
          .highest = 1.0,
          .exact_at_equality = false,
          .symmetric = true,
          .metric = false,
          .differentiable = true,
          .invariances = {"orthogonal", "permutation", "translation"},
          .parameters = {},
          .minimum_rows = 4,
          .nearly_invariant = {"scale"},
          .source = "brain-score/vision; Song et al. 2012, eq. 5",
          .cost = "n (p q + p^2), or n^2 (p + q) for p > n",
          .known_as = {"brainscore_vision: cka"}};
}

MeasureInfo RdmFrom(MeasureInfo rdm) {
  rdm.id = "brainscore.vision.rdm";
  rdm.summary =
      "Spearman correlation of correlation RDMs, as "
      "rsa(compare=spearman,rdm=correlation)";
  rdm.exact_at_equality = true;
  rdm.differentiable = false;
  rdm.invariances = {"permutation", "scale"};
  rdm.minimum_rows = 3;
  rdm.minimum_features = 2;
  rdm.accepts_zero_rows = false;
  rdm.nearly_invariant = {};
  rdm.source = "brain-score/vision; Kriegeskorte et al. 2008";
  rdm.cost = "n^2 (p + q + log n)";
  rdm.known_as = {"brainscore_vision: rdm"};
  return rdm;
}

}  // namespace

std::vector<MeasureEntry> BrainScoreAlignmentFamily() {
  const std::vector<ParameterInfo> folds = Subsets();
  const MeasureInfo cka = UnbiasedCka();
  MeasureInfo cka_cv = cka;
  cka_cv.id = "brainscore.vision.cka_cv";
  cka_cv.summary = "mean of brainscore.vision.cka over random subsets of 90 %";
  cka_cv.parameters = folds;
  cka_cv.minimum_rows = 5;
  cka_cv.cost = "that of brainscore.vision.cka for every subset";
  cka_cv.known_as = {"brainscore_vision: cka_cv"};
  MeasureInfo biased = cka;
  biased.id = "brainscore.vision.cka_biased";
  biased.summary = "linear CKA, as cka";
  biased.lowest = 0.0;
  biased.exact_at_equality = true;
  biased.invariances = {"orthogonal", "permutation", "scale", "translation"};
  biased.nearly_invariant = {};
  biased.minimum_rows = 2;
  biased.source = "brain-score/vision; Kornblith et al. 2019";
  biased.known_as = {"brainscore_vision: cka_biased"};
  MeasureInfo language_cka = biased;
  language_cka.id = "brainscore.language.cka";
  language_cka.summary = "mean of linear CKA over random subsets of 90 %";
  language_cka.parameters = folds;
  language_cka.minimum_rows = 3;
  language_cka.source = "brain-score/language; Kornblith et al. 2019";
  language_cka.cost = "that of cka for every subset";
  language_cka.known_as = {"brainscore_language: cka"};
  const MeasureInfo rdm = RdmFrom(cka);
  MeasureInfo rdm_cv = rdm;
  rdm_cv.id = "brainscore.vision.rdm_cv";
  rdm_cv.summary = "mean of brainscore.vision.rdm over random subsets of 90 %";
  rdm_cv.parameters = folds;
  rdm_cv.minimum_rows = 4;
  rdm_cv.cost = "that of brainscore.vision.rdm for every subset";
  rdm_cv.known_as = {"brainscore_vision: rdm_cv"};
  MeasureInfo language_rdm = rdm_cv;
  language_rdm.id = "brainscore.language.rdm";
  language_rdm.source = "brain-score/language; Kriegeskorte et al. 2008";
  language_rdm.known_as = {"brainscore_language: rdm"};
  return {{rdm, MakeRenamed},
          {rdm_cv, MakeAveraged},
          {cka, MakeBrainScoreCka},
          {cka_cv, MakeAveraged},
          {biased, MakeRenamed},
          {language_cka, MakeAveraged},
          {language_rdm, MakeAveraged}};
}

}  // namespace repscore
