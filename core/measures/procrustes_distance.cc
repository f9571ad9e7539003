// Distances left after the best rotation Q of the reference:
//
//   size and shape:  d^2 = |X - YQ'|^2 = |X|^2 + |Y|^2 - 2 |M|_*
//   chord:           d^2 = |X/|X| - YQ'/|Y||^2 = 2 - 2 nbs
//
// With factors a and b both are a^2 |X|^2 + b^2 |Y|^2 - 2 ab |M|_*.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>

#include "core/base/status_macros.h"
#include "core/measures/angle.h"
#include "core/measures/families.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

// Below this share of the squared norms their difference has lost digits, and
// the rows are compared instead.
constexpr double kCancelled = 1e-4;
// A distance below this share of the norms has no direction.
constexpr double kAtOptimum = 1e-6;

/// value = factor * d^2, or d.
struct DistanceForm {
  bool root = false;
  double factor = 1.0;
};

class ProcrustesDistance final : public Measure {
 public:
  enum class Kind { kSizeAndShape, kChord };

  ProcrustesDistance(MeasureInfo info, Kind kind, int form, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        kind_(kind),
        form_(form) {}

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
    const bool chord = kind_ == Kind::kChord;
    const double x_squared = statistics.candidate_norm_squared;
    const double y_squared = statistics.reference_norm_squared;
    const double a = chord ? 1.0 / std::sqrt(x_squared) : 1.0;
    const double b = chord ? 1.0 / std::sqrt(y_squared) : 1.0;
    const bool wants_adjoint = request.candidate || request.reference;
    // Small singular values decide where the distance is small: always the SVD.
    const std::shared_ptr<const CrossPolar> polar =
        PolarOfCross(statistics, PolarMethod::kSvd);
    const double nuclear = polar->nuclear_norm;
    const double norms = chord ? 2.0 : x_squared + y_squared;
    double squared = std::max(0.0, norms - 2.0 * a * b * nuclear);
    if (accuracy == Accuracy::kExact && squared < kCancelled * norms) {
      if (const std::optional<AlignedRows> rows = AlignRows(statistics, a, b)) {
        squared = backend.Dot(rows->difference, rows->difference);
      }
    }
    const double distance = std::sqrt(squared);
    const DistanceForm form = FormOf(statistics.size.rows);
    Evaluation result;
    result.value = form.root ? distance : form.factor * squared;
    result.at_optimum = distance < kAtOptimum * std::sqrt(norms);
    if (result.at_optimum) {
      return result;
    }
    // d value / d(d^2)
    const double slope = form.root ? 0.5 / distance : form.factor;
    if (wants_adjoint) {
      result.adjoint.cross =
          Scaled(backend, -2.0 * a * b * slope, polar->factor);
    }
    // chord: d(2 - 2v) / d|X|^2 = v / |X|^2
    const double v = a * b * nuclear;
    if (request.candidate) {
      result.adjoint.candidate_norm_squared =
          chord ? slope * v / x_squared : slope;
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared =
          chord ? slope * v / y_squared : slope;
    }
    return result;
  }

 private:
  DistanceForm FormOf(int64_t rows) const {
    if (form_ == 0) {
      return {.root = true};
    }
    if (form_ == 1) {
      return {};
    }
    return {.factor =
                kind_ == Kind::kChord ? 0.5 : 1.0 / static_cast<double>(rows)};
  }

  const MeasureInfo info_;
  const Kind kind_;
  const int form_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeSizeAndShape(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      const int form,
      parameters.Choice("form", {"distance", "squared", "squared_per_sample"}));
  MeasureInfo own = info;
  own.metric = form == 0;
  return std::make_shared<ProcrustesDistance>(
      std::move(own),
      ProcrustesDistance::Kind::kSizeAndShape,
      form,
      parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeChord(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      const int form,
      parameters.Choice("form", {"chord", "squared", "one_minus"}));
  MeasureInfo own = info;
  own.metric = form == 0;
  own.highest = form == 0 ? std::numbers::sqrt2 : form == 1 ? 2.0 : 1.0;
  return std::make_shared<ProcrustesDistance>(std::move(own),
                                              ProcrustesDistance::Kind::kChord,
                                              form,
                                              parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> ProcrustesDistanceFamily() {
  return {
      {{.id = "procrustes.size_shape",
        .aliases = {"procrustes_size_shape"},
        .summary = "Euclidean distance after the best rotation (size and "
                   "shape; Bures distance of the kernels)",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numeric_limits<double>::infinity(),
        .symmetric = true,
        .metric = true,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "translation"},
        .parameters = {{.name = "form",
                        .default_value = "distance",
                        .description =
                            "distance, squared or squared_per_sample (divided "
                            "by the number of rows)"}},
        .minimum_rows = 2,
        .source = "Williams et al. 2021; Harvey et al. 2023, Duality of Bures "
                  "and shape distances",
        .examples = {"procrustes.size_shape(form=squared)",
                     "procrustes.size_shape(form=squared_per_sample)"},
        .cost = "n p min(q, n) and an SVD of p x min(q, n)",
        .known_as = {"netrep: LinearMetric(alpha=1), score_method=euclidean",
                     "GULP: procrustes, form=squared_per_sample"}},
       MakeSizeAndShape},
      {{.id = "procrustes.chord",
        .aliases = {"procrustes_chord"},
        .summary = "Procrustes distance of rows of unit norm, sqrt(2 - 2 nbs)",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numbers::sqrt2,
        .symmetric = true,
        .metric = true,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters = {{.name = "form",
                        .default_value = "chord",
                        .description = "chord sqrt(2 - 2v), squared 2 - 2v or "
                                       "one_minus 1 - v"}},
        .minimum_rows = 2,
        .source = "Ding et al. 2021, Grounding representation similarity with "
                  "statistical testing",
        .examples = {"procrustes.chord(form=squared)",
                     "procrustes.chord(form=one_minus)"},
        .cost = "n p min(q, n) and an SVD of p x min(q, n)",
        .known_as = {"resi: orthogonal procrustes, centred and normalised",
                     "sim_metric: procrustes, form=squared",
                     "anatome: opd, form=one_minus"}},
       MakeChord}};
}

}  // namespace repscore
