// Normalised Bures similarity (Tang et al. 2020) and its angle, the angular
// Procrustes distance (Williams et al. 2021; Harvey et al. 2023):
//
//   v = |M|_* / (|X| |Y|),   |.|_* the sum of singular values
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>

#include "core/measures/angle.h"
#include "core/measures/families.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

// From here on small singular values decide the direction of the gradient.
constexpr double kNearOptimum = 0.99;

class Procrustes final : public Measure {
 public:
  Procrustes(const MeasureInfo& info, CosineForm form, std::string id)
      : Measure(std::move(id)), info_(info), form_(form) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.cross = true;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    Backend& backend = *statistics.backend;
    const Matrix& m = statistics.cross;
    const double x_squared = statistics.candidate_norm_squared;
    const double y_squared = statistics.reference_norm_squared;
    const double norms = std::sqrt(x_squared) * std::sqrt(y_squared);
    const bool wants_adjoint = request.candidate || request.reference;
    const bool fast = accuracy == Accuracy::kFast;
    // Without a derivative the factor itself is not needed, nor, in a fast
    // step, computed.
    std::shared_ptr<const CrossPolar> polar;
    double nuclear = 0.0;
    if (fast && !wants_adjoint) {
      nuclear = NuclearNormOfCross(statistics);
    } else {
      polar = PolarOf(statistics, fast, kNearOptimum * norms);
      nuclear = polar->nuclear_norm;
    }
    const double v = std::min(nuclear / norms, 1.0);
    std::optional<double> angle;
    if (form_ != CosineForm::kCosine && accuracy == Accuracy::kExact &&
        NearOne(v)) {
      angle = AngleFromRows(statistics);
    }
    const FormValue form = ApplyForm(form_, v, angle);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    if (!wants_adjoint || form.at_optimum) {
      return result;
    }
    // dM = Q / (|X| |Y|), d|X|^2 = -v / (2 |X|^2)
    result.adjoint.cross =
        backend.Allocate(m.rows(), m.cols(), ScalarType::kFloat64);
    backend.Axpby(form.slope / norms, polar->factor, 0.0, result.adjoint.cross);
    if (request.candidate) {
      result.adjoint.candidate_norm_squared =
          -form.slope * v / (2.0 * x_squared);
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared =
          -form.slope * v / (2.0 * y_squared);
    }
    return result;
  }

 private:
  /// `near_optimum`: the nuclear norm from which small singular values matter.
  static std::shared_ptr<const CrossPolar> PolarOf(const Statistics& statistics,
                                                   bool fast,
                                                   double near_optimum) {
    if (!fast) {
      return PolarOfCross(statistics, PolarMethod::kSvd);
    }
    std::shared_ptr<const CrossPolar> polar =
        PolarOfCross(statistics, PolarMethod::kGram);
    return polar->fine || polar->nuclear_norm < near_optimum
               ? polar
               : PolarOfCross(statistics, PolarMethod::kSvd);
  }

  /// 2 asin(|X/|X| - Y/|Y| Q'| / 2)
  static std::optional<double> AngleFromRows(const Statistics& statistics) {
    const std::optional<AlignedRows> rows =
        AlignRows(statistics,
                  1.0 / std::sqrt(statistics.candidate_norm_squared),
                  1.0 / std::sqrt(statistics.reference_norm_squared));
    if (!rows.has_value()) {
      return std::nullopt;
    }
    const double norm =
        std::sqrt(statistics.backend->Dot(rows->difference, rows->difference));
    return 2.0 * std::asin(std::min(1.0, norm / 2.0));
  }

  const MeasureInfo& info_;
  const CosineForm form_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeProcrustes(
    const MeasureInfo& info, Parameters& parameters) {
  CosineForm form = CosineForm::kCosine;
  if (info.id == "procrustes.angle") {
    form = CosineForm::kAngle;
  } else if (info.id == "procrustes.angular_score") {
    form = CosineForm::kAngularScore;
  }
  return std::make_shared<Procrustes>(info, form, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> ProcrustesFamily() {
  const MeasureInfo nbs = {
      .id = "nbs",
      .aliases = {"procrustes.nbs"},
      .summary =
          "normalised Bures similarity: cosine of the angular "
          "Procrustes distance",
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
          "Tang et al. 2020, Similarity of neural networks with "
          "gradients; Harvey et al. 2023",
      .cost = "n p min(q, n) and an SVD of p x min(q, n)",
      .known_as = {"rsatoolbox: bures",
                   "nn_similarity_index: normalized Bures similarity"}};
  MeasureInfo angle = nbs;
  angle.id = "procrustes.angle";
  angle.aliases = {"procrustes_angle", "procrustes_angular_distance"};
  angle.summary = "angular Procrustes distance, acos(nbs), in radians";
  angle.orientation = Orientation::kDistance;
  angle.highest = std::numbers::pi / 2.0;
  angle.metric = true;
  angle.source =
      "Williams et al. 2021, Generalized shape metrics on "
      "neural representations";
  angle.known_as = {"netrep: LinearMetric(alpha=1), score_method=angular"};
  MeasureInfo score = nbs;
  score.id = "procrustes.angular_score";
  score.aliases = {"procrustes_angular_score"};
  score.summary = "1 - (2/pi) acos(nbs), the paper's Procrustes score";
  score.source = "Cloos et al. 2024, appendix B";
  score.known_as = {"diffscore: procrustes-angular-score"};
  return {
      {nbs, MakeProcrustes}, {angle, MakeProcrustes}, {score, MakeProcrustes}};
}

}  // namespace repscore
