// Representational similarity analysis (Kriegeskorte et al. 2008): how alike
// the dissimilarity matrices (RDMs) of the two sides are.
//
// Squared Euclidean RDMs compared by cosine or Pearson come from moments: with
// a_i = |x_i|^2, b_i = |y_i|^2,
//   sum over i < j of D_ij E_ij = n a.b + (1'a)(1'b) + 2 |M|^2
//   sum over i < j of D_ij      = n 1'a
// and whitened (Diedrichsen et al. 2021, unit noise): the cosine of -HDH/2 is
// linear CKA; without the means of the RDMs, <K, L> loses tr K tr L / (n - 1).
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/host.h"
#include "core/measures/moment_cosine.h"
#include "core/measures/rdm.h"
#include "core/measures/rdm_compare.h"
#include "core/measures/rdm_noise.h"

namespace repscore {
namespace {

/// F(X, Y) of squared Euclidean RDMs, where moments suffice.
std::optional<MomentForm> FormOf(Comparator comparator, int64_t rows) {
  const auto n = static_cast<double>(rows);
  switch (comparator) {
    case Comparator::kCosine:
      return MomentForm{.cross = 2.0, .norms = n, .sums = 1.0};
    case Comparator::kPearson:
      return MomentForm{
          .cross = 2.0, .norms = n, .sums = 1.0 - 2.0 * n / (n - 1.0)};
    case Comparator::kWhitenedCosine:
      return MomentForm{.cross = 1.0};
    case Comparator::kWhitenedPearson:
      return MomentForm{.cross = 1.0, .sums = -1.0 / (n - 1.0)};
    default:
      return std::nullopt;
  }
}

class Rsa final : public Measure {
 public:
  Rsa(MeasureInfo info,
      RdmRule rule,
      Comparator comparator,
      ConditionNoise noise,
      std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        rule_(std::move(rule)),
        comparator_(comparator),
        noise_(std::move(noise)) {}

  const MeasureInfo& info() const override { return info_; }

  const FoldRule* fold_rule() const override {
    return rule_.uses_folds() ? &rule_.folds : nullptr;
  }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    if (UsesMoments(size.rows)) {
      needs = MomentFormNeeds(size.space);
    } else if (IsNuclear()) {
      needs.cross = true;
    } else {
      rule_.AddNeeds(needs);
    }
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    if (UsesMoments(size.rows) || IsNuclear()) {
      return std::nullopt;
    }
    // Two matrices of distances, each with what the comparison makes of it, and
    // the rows on the host.
    const int64_t conditions =
        rule_.uses_folds()
            ? size.rows /
                  std::max<int64_t>(rule_.folds.CountAmong(size.rows), 1)
            : size.rows;
    return 5 * conditions * conditions +
           size.rows * (size.candidate_features + size.reference_features);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    if (UsesMoments(statistics.size.rows)) {
      return EvaluateMomentForm(
          *FormOf(comparator_, statistics.size.rows), statistics, request);
    }
    if (IsNuclear()) {
      return FromNuclearNorm(statistics, request);
    }
    REPSCORE_ASSIGN_OR_RETURN(const Rdm candidate,
                              BuildRdm(rule_, statistics, Side::kCandidate));
    REPSCORE_ASSIGN_OR_RETURN(const Rdm reference,
                              BuildRdm(rule_, statistics, Side::kReference));
    REPSCORE_ASSIGN_OR_RETURN(
        const Eigen::MatrixXd whitening,
        WhiteningOf(*statistics.backend, noise_, reference));
    REPSCORE_ASSIGN_OR_RETURN(const RdmComparison comparison,
                              CompareRdms(*statistics.backend,
                                          comparator_,
                                          candidate,
                                          reference,
                                          whitening,
                                          request));
    Evaluation result;
    result.value = comparison.value;
    if (request.candidate && comparison.candidate_weights.size() > 0) {
      PullBackRdm(rule_,
                  statistics,
                  Side::kCandidate,
                  candidate,
                  comparison.candidate_weights,
                  result.adjoint);
    }
    if (request.reference && comparison.reference_weights.size() > 0) {
      PullBackRdm(rule_,
                  statistics,
                  Side::kReference,
                  reference,
                  comparison.reference_weights,
                  result.adjoint);
    }
    return result;
  }

 private:
  bool UsesMoments(int64_t rows) const {
    return rule_.kind == RdmKind::kSquaredEuclidean && noise_.is_identity() &&
           FormOf(comparator_, rows).has_value();
  }
  bool IsNuclear() const {
    return rule_.kind == RdmKind::kSquaredEuclidean &&
           comparator_ == Comparator::kBures;
  }

  /// |M|_* / (|X| |Y|): -HDH/2 of squared distances is XX'.
  static Evaluation FromNuclearNorm(const Statistics& statistics,
                                    AdjointRequest request) {
    Backend& backend = *statistics.backend;
    const Matrix& m = statistics.cross;
    const double norms = std::sqrt(statistics.candidate_norm_squared) *
                         std::sqrt(statistics.reference_norm_squared);
    const Matrix q = backend.Allocate(m.rows(), m.cols(), ScalarType::kFloat64);
    Evaluation result;
    result.value =
        std::min(backend.Polar(m, PolarMethod::kSvd, q).nuclear / norms, 1.0);
    if (request.candidate || request.reference) {
      result.adjoint.cross = Scaled(backend, 1.0 / norms, q);
    }
    if (request.candidate) {
      result.adjoint.candidate_norm_squared =
          -result.value / (2.0 * statistics.candidate_norm_squared);
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared =
          -result.value / (2.0 * statistics.reference_norm_squared);
    }
    return result;
  }

  const MeasureInfo info_;
  const RdmRule rule_;
  const Comparator comparator_;
  const ConditionNoise noise_;
};

/// Reads `noise`, and checks that it goes with the rest.
absl::StatusOr<ConditionNoise> ReadNoise(Parameters& parameters,
                                         const RdmRule& rule,
                                         Comparator comparator) {
  REPSCORE_ASSIGN_OR_RETURN(ConditionNoise noise,
                            ConditionNoise::Parse(parameters.Text("noise")));
  parameters.Replace("noise", noise.ToString());
  if (!noise.is_identity() && !IsWhitened(comparator)) {
    return absl::InvalidArgumentError(
        StrCat("noise=",
               noise.ToString(),
               " goes with compare=whitened_cosine and "
               "compare=whitened_pearson"));
  }
  if (noise.kind == ConditionNoise::Kind::kRepetitions && !rule.uses_folds()) {
    return absl::InvalidArgumentError(
        StrCat("noise=",
               noise.ToString(),
               " needs repeated measurements of the conditions: folds with "
               "rdm=crossnobis or rdm=mahalanobis; rdm=",
               rule.ToString(),
               " has none"));
  }
  return noise;
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeRsa(
    const MeasureInfo& registered, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int compare,
                            parameters.Choice("compare", kComparators));
  REPSCORE_ASSIGN_OR_RETURN(RdmRule rule,
                            RdmRule::Parse(parameters.Text("rdm")));
  parameters.Replace("rdm", rule.ToString());
  REPSCORE_ASSIGN_OR_RETURN(rule.folds, parameters.Folds("folds"));
  if (rule.uses_folds() &&
      (rule.folds.in_sample() || !rule.folds.is_partition())) {
    return absl::InvalidArgumentError(
        StrCat("rdm=",
               rule.ToString(),
               " needs folds that hold repeated measurements of the same "
               "conditions in the same order, such as "
               "folds=rows_contiguous(2); folds=",
               rule.folds.ToString(),
               " are none"));
  }
  if (!rule.uses_folds() && !rule.folds.in_sample()) {
    return absl::InvalidArgumentError(StrCat("rdm=",
                                             rule.ToString(),
                                             " has no folds; folds=",
                                             rule.folds.ToString(),
                                             " go with rdm=crossnobis and "
                                             "rdm=mahalanobis"));
  }
  const auto comparator = static_cast<Comparator>(compare);
  if (comparator == Comparator::kBures && !rule.is_euclidean()) {
    return absl::InvalidArgumentError(
        StrCat("compare=bures needs distances without a negative kernel; rdm=",
               rule.ToString(),
               " may have one"));
  }
  REPSCORE_ASSIGN_OR_RETURN(ConditionNoise noise,
                            ReadNoise(parameters, rule, comparator));
  MeasureInfo info = registered;
  rule.Claim(info);
  if (noise.kind == ConditionNoise::Kind::kRepetitions) {
    // The covariance is of the reference and held fixed by the gradient.
    info.symmetric = false;
    info.gradient_exact = false;
    info.reference_invariances = info.invariances;
  }
  const bool signed_value = !rule.is_euclidean() ||
                            IsRankComparator(comparator) ||
                            comparator == Comparator::kPearson ||
                            comparator == Comparator::kWhitenedPearson;
  info.lowest = signed_value ? -1.0 : 0.0;
  info.minimum_rows =
      FewestConditions(comparator) *
      (rule.uses_folds() ? std::max<int64_t>(rule.folds.count(), 2) : 1);
  info.differentiable = !IsRankComparator(comparator) &&
                        (comparator != Comparator::kBures ||
                         rule.kind == RdmKind::kSquaredEuclidean);
  // Ties lower both, also of an RDM with itself.
  info.exact_at_equality =
      comparator != Comparator::kRhoA && comparator != Comparator::kKendallTauA;
  return std::make_shared<Rsa>(std::move(info),
                               std::move(rule),
                               comparator,
                               std::move(noise),
                               parameters.Canonical());
}

/// Frobenius norm over i < j of D - E.
class RsmDifference final : public Measure {
 public:
  RsmDifference(MeasureInfo info, RdmRule rule, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        rule_(std::move(rule)) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    rule_.AddNeeds(needs);
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // Two matrices of distances, their difference, and one in the making.
    return 3 * size.rows * size.rows + size.rows * size.rows / 4;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    REPSCORE_ASSIGN_OR_RETURN(const Rdm candidate,
                              BuildRdm(rule_, statistics, Side::kCandidate));
    REPSCORE_ASSIGN_OR_RETURN(const Rdm reference,
                              BuildRdm(rule_, statistics, Side::kReference));
    Eigen::MatrixXd difference = candidate.distances - reference.distances;
    Evaluation result;
    result.value = std::sqrt(0.5) * difference.norm();
    result.at_optimum = !(result.value > 0.0);
    if (result.at_optimum) {
      return result;
    }
    difference /= result.value;
    if (request.candidate) {
      PullBackRdm(rule_,
                  statistics,
                  Side::kCandidate,
                  candidate,
                  difference,
                  result.adjoint);
    }
    if (request.reference) {
      PullBackRdm(rule_,
                  statistics,
                  Side::kReference,
                  reference,
                  -difference,
                  result.adjoint);
    }
    return result;
  }

 private:
  const MeasureInfo info_;
  const RdmRule rule_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeRsmDifference(
    const MeasureInfo& registered, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      const int kind, parameters.Choice("rdm", {"euclidean", "correlation"}));
  RdmRule rule;
  rule.kind = kind == 0 ? RdmKind::kEuclidean : RdmKind::kCorrelation;
  MeasureInfo info = registered;
  rule.Claim(info);
  if (rule.kind == RdmKind::kEuclidean) {
    info.invariances = {"orthogonal", "permutation", "translation"};
  }
  return std::make_shared<RsmDifference>(
      std::move(info), std::move(rule), parameters.Canonical());
}

std::vector<ParameterInfo> RsaParameters() {
  return {
      {.name = "compare",
       .default_value = "pearson",
       .description = "cosine, pearson, spearman (average ranks), rho_a, "
                      "kendall_tau_a, kendall_tau_b, whitened_cosine, "
                      "whitened_pearson (by noise) or bures; the four by ranks "
                      "have no gradient"},
      {.name = "folds",
       .default_value = "none",
       .description =
           "for crossnobis and mahalanobis: every fold is one "
           "measurement of the same conditions in the same order, as "
           "rows_contiguous(2)"},
      {.name = "noise",
       .default_value = "identity",
       .description =
           "covariance between conditions for whitened_cosine and "
           "whitened_pearson: identity; diagonal(v1,v2,...), a variance "
           "for every condition; repetitions(shrinkage), of the "
           "reference's folds about their mean, shrunk to its mean "
           "variance, which a gradient holds fixed"},
      {.name = "rdm",
       .default_value = "sq_euclidean",
       .description =
           "sq_euclidean, euclidean, correlation, cosine, crossnobis, "
           "crossnobis(shrinkage) and mahalanobis(shrinkage) with the "
           "noise covariance of the folds shrunk to its mean variance, "
           "or poisson(rate,weight) with a prior. Correlation and "
           "cosine distances depend on column means; correlation "
           "distances on rotations too"}};
}

std::vector<std::string_view> RsaExamples() {
  return {"rsa(compare=cosine)",
          "rsa(compare=spearman)",
          "rsa(compare=rho_a)",
          "rsa(compare=kendall_tau_a)",
          "rsa(compare=kendall_tau_b)",
          "rsa(compare=whitened_cosine)",
          "rsa(compare=whitened_pearson)",
          "rsa(compare=bures)",
          "rsa(compare=cosine,rdm=euclidean)",
          "rsa(compare=pearson,rdm=euclidean)",
          "rsa(compare=spearman,rdm=euclidean)",
          "rsa(compare=whitened_cosine,rdm=euclidean)",
          "rsa(compare=whitened_pearson,rdm=euclidean)",
          "rsa(compare=bures,rdm=euclidean)",
          "rsa(compare=pearson,rdm=correlation)",
          "rsa(compare=spearman,rdm=correlation)",
          "rsa(compare=cosine,rdm=cosine)",
          "rsa(compare=kendall_tau_b,rdm=cosine)",
          "rsa(compare=whitened_cosine,rdm=cosine)",
          "rsa(compare=cosine,folds=rows_contiguous(2),rdm=crossnobis)",
          ("rsa(compare=pearson,folds=rows_contiguous(2),"
           "rdm=crossnobis(0.3))"),
          ("rsa(compare=cosine,folds=rows_contiguous(2),"
           "rdm=mahalanobis(0.3))"),
          ("rsa(compare=whitened_cosine,folds=rows_contiguous(2),"
           "noise=repetitions(0.2),rdm=crossnobis)"),
          ("rsa(compare=whitened_pearson,folds=rows_contiguous(2),"
           "noise=repetitions(0.4),rdm=mahalanobis(0.3))")};
}

}  // namespace

std::vector<MeasureEntry> RsaFamily() {
  return {
      {{.id = "rsa",
        .aliases = {},
        .summary = "representational similarity analysis: two dissimilarity "
                   "matrices (RDMs) compared above their diagonals",
        .orientation = Orientation::kScore,
        .lowest = -1.0,
        .highest = 1.0,
        .symmetric = true,
        .metric = false,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters = RsaParameters(),
        .minimum_rows = 3,
        .source = "Kriegeskorte et al. 2008; Nili et al. 2014; Diedrichsen et "
                  "al. 2021; Walther et al. 2016 (crossnobis)",
        .examples = RsaExamples(),
        .cost = "n (p q + p^2) for sq_euclidean by cosine, pearson and "
                "whitened; otherwise n^2 (p + q), and n^2 log n by ranks",
        .known_as =
            {"rsatoolbox: compare of calc_rdm (corr, cosine, spearman, rho-a, "
             "tau-a, tau-b, cosine_cov, corr_cov, bures)",
             "brainscore_vision: rdm (compare=spearman,rdm=correlation)",
             "diffscore: rsa"}},
       MakeRsa},
      {{.id = "rsm_difference",
        .aliases = {},
        .summary = "Frobenius norm, over pairs of rows, of the difference of "
                   "two matrices of distances",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numeric_limits<double>::infinity(),
        .symmetric = true,
        .metric = true,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "translation"},
        .parameters = {{.name = "rdm",
                        .default_value = "euclidean",
                        .description = "euclidean or correlation distances"}},
        .minimum_rows = 2,
        .source = "Klabunde et al. 2023, representational similarity matrix "
                  "norm difference",
        .examples = {"rsm_difference(rdm=correlation)"},
        .cost = "n^2 (p + q)"},
       MakeRsmDifference}};
}

}  // namespace repscore
