// Linear centred kernel alignment (Kornblith et al. 2019) and its angle
// (Williams et al. 2021; Lange et al. 2022).
//
//   v = |M|^2 / (|A| |B|) = <K, L> / (|K| |L|)
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>

#include "core/base/text.h"
#include "core/measures/angle.h"
#include "core/measures/families.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

class Cka final : public Measure {
 public:
  Cka(const MeasureInfo& info, CosineForm form, std::string id)
      : Measure(std::move(id)), info_(info), form_(form) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    if (size.space == Space::kFeature) {
      needs.gram = true;
      needs.cross = true;
      needs.reference_gram = true;
    } else {
      needs.kernel = true;
      needs.reference_kernel = true;
    }
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    absl::StatusOr<Evaluation> result =
        statistics.size.space == Space::kFeature
            ? InFeatureSpace(statistics, request, accuracy)
            : InSampleSpace(statistics, request);
    const ProblemSize& size = statistics.size;
    const int64_t features =
        std::max(size.candidate_features, size.reference_features);
    if (result.ok() && features >= size.rows) {
      result->warnings.push_back(
          {.reason = "BIASED",
           .message = StrCat("with ",
                             features,
                             " or more features and ",
                             size.rows,
                             " rows linear CKA is high for unrelated data; "
                             "compare cka.debiased")});
    }
    return result;
  }

 private:
  absl::StatusOr<Evaluation> InFeatureSpace(const Statistics& statistics,
                                            AdjointRequest request,
                                            Accuracy accuracy) const {
    Backend& backend = *statistics.backend;
    const Matrix& a = statistics.gram;
    const Matrix& m = statistics.cross;
    const Matrix& b = statistics.reference_gram;
    const std::vector<double> dots = backend.Dots({{{m, m}, {a, a}, {b, b}}});
    const double norms = std::sqrt(dots[1]) * std::sqrt(dots[2]);
    const double v = std::min(dots[0] / norms, 1.0);
    std::optional<double> angle;
    if (form_ != CosineForm::kCosine && accuracy == Accuracy::kExact &&
        NearOne(v)) {
      angle = AngleFromRows(statistics, dots[1], dots[2]);
    }
    const FormValue form = ApplyForm(form_, v, angle);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    if (form.at_optimum) {
      return result;
    }
    if (request.candidate || request.reference) {
      // dM = 2 M / (|A| |B|)
      result.adjoint.cross = Scaled(backend, 2.0 * form.slope / norms, m);
    }
    if (request.candidate) {
      // dA = -(v / |A|^2) A
      result.adjoint.gram = Scaled(backend, -form.slope * v / dots[1], a);
    }
    if (request.reference) {
      result.adjoint.reference_gram =
          Scaled(backend, -form.slope * v / dots[2], b);
    }
    return result;
  }

  absl::StatusOr<Evaluation> InSampleSpace(const Statistics& statistics,
                                           AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const Matrix& k = statistics.kernel;
    const Matrix& l = statistics.reference_kernel;
    const std::vector<double> dots = backend.Dots({{{k, l}, {k, k}, {l, l}}});
    const double k_norm = std::sqrt(dots[1]);
    const double l_norm = std::sqrt(dots[2]);
    const double v = std::clamp(dots[0] / (k_norm * l_norm), 0.0, 1.0);
    std::optional<double> angle;
    if (form_ != CosineForm::kCosine && NearOne(v)) {
      // theta = 2 asin(|K/|K| - L/|L|| / 2)
      const Matrix difference = Scaled(backend, 1.0 / k_norm, k);
      backend.Axpby(-1.0 / l_norm, l, 1.0, difference);
      angle =
          2.0 * std::asin(std::sqrt(backend.Dot(difference, difference)) / 2.0);
    }
    const FormValue form = ApplyForm(form_, v, angle);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    if (form.at_optimum) {
      return result;
    }
    if (request.candidate) {
      // dK = L / (|K| |L|) - v K / |K|^2
      result.adjoint.kernel =
          Scaled(backend, form.slope / (k_norm * l_norm), l);
      backend.Axpby(-form.slope * v / dots[1], k, 1.0, result.adjoint.kernel);
    }
    if (request.reference) {
      result.adjoint.reference_kernel =
          Scaled(backend, form.slope / (k_norm * l_norm), k);
      backend.Axpby(
          -form.slope * v / dots[2], l, 1.0, result.adjoint.reference_kernel);
    }
    return result;
  }

  /// 2 asin(|K/|K| - L/|L|| / 2) without n x n: with rows aligned to
  /// D = X1 - Y1 and S = X1 + Y1, K/|K| - L/|L| = (S D' + D S') / 2.
  static std::optional<double> AngleFromRows(const Statistics& statistics,
                                             double gram_squared,
                                             double reference_gram_squared) {
    const std::optional<AlignedRows> rows =
        AlignRows(statistics,
                  std::pow(gram_squared, -0.25),
                  std::pow(reference_gram_squared, -0.25));
    if (!rows.has_value()) {
      return std::nullopt;
    }
    Backend& backend = *statistics.backend;
    const int64_t p = rows->sum.cols();
    const Matrix sum_gram = backend.Allocate(p, p, kDouble);
    const Matrix difference_gram = backend.Allocate(p, p, kDouble);
    const Matrix mixed = backend.Allocate(p, p, kDouble);
    const Matrix mixed_transposed = backend.Allocate(p, p, kDouble);
    backend.Syrk(Op::kTranspose, 1.0, rows->sum, 0.0, sum_gram);
    backend.Syrk(Op::kTranspose, 1.0, rows->difference, 0.0, difference_gram);
    backend.Gemm(Op::kTranspose,
                 Op::kNone,
                 1.0,
                 rows->sum,
                 rows->difference,
                 0.0,
                 mixed);
    backend.Transpose(mixed, mixed_transposed);
    const std::vector<double> dots = backend.Dots(
        {{{sum_gram, difference_gram}, {mixed, mixed_transposed}}});
    const double squared = std::max(0.0, 0.5 * (dots[0] + dots[1]));
    return 2.0 * std::asin(std::min(1.0, std::sqrt(squared) / 2.0));
  }

  const MeasureInfo& info_;
  const CosineForm form_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeCka(const MeasureInfo& info,
                                                       Parameters& parameters) {
  CosineForm form = CosineForm::kCosine;
  if (info.id == "cka.angular") {
    form = CosineForm::kAngle;
  } else if (info.id == "cka.angular_score") {
    form = CosineForm::kAngularScore;
  }
  return std::make_shared<Cka>(info, form, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> CkaFamily() {
  const MeasureInfo linear = {
      .id = "cka",
      .aliases = {"cka.linear"},
      .summary = "linear centred kernel alignment",
      .orientation = Orientation::kScore,
      .lowest = 0.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = true,
      .invariances = {"orthogonal", "permutation", "scale", "translation"},
      .parameters = {},
      .minimum_rows = 2,
      .source =
          "Kornblith et al. 2019, Similarity of neural network "
          "representations revisited, eq. 2",
      .cost = "n (p q + p^2), or n^2 (p + q) for p > n",
      .known_as = {"google-research representation_similarity: cka",
                   "brainscore_vision: cka_biased",
                   "rsatoolbox: compare_cosine_cov_weighted of "
                   "squared Euclidean RDMs"}};
  MeasureInfo angular = linear;
  angular.id = "cka.angular";
  angular.aliases = {"cka_angular"};
  angular.summary = "angle of linear CKA, acos(cka), in radians";
  angular.orientation = Orientation::kDistance;
  angular.highest = std::numbers::pi / 2.0;
  angular.metric = true;
  angular.source =
      "Williams et al. 2021, Generalized shape metrics on "
      "neural representations";
  angular.known_as = {"netrep: LinearKernel metric, angular"};
  MeasureInfo score = linear;
  score.id = "cka.angular_score";
  score.aliases = {"cka_angular_score"};
  score.summary = "1 - (2/pi) acos(cka)";
  score.source = "Cloos et al. 2024, appendix B";
  score.known_as = {"diffscore: cka-angular-score"};
  return {{linear, MakeCka}, {angular, MakeCka}, {score, MakeCka}};
}

}  // namespace repscore
