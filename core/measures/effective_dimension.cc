// Effective dimensions from Gram matrices, with t = tr A = |X|^2 and b = tr B:
//
//   ensd                 |M|^2 t b / (|A|^2 |B|^2), the effective number of
//                        shared dimensions (Giaffar et al. 2023)
//   participation_ratio  |t^2 / |A|^2 - b^2 / |B|^2|
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/measures/families.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

StatisticsNeeds ProductsFor(const ProblemSize& size) {
  StatisticsNeeds needs;
  if (size.space == Space::kFeature) {
    needs.gram = true;
    needs.reference_gram = true;
  } else {
    needs.kernel = true;
    needs.reference_kernel = true;
  }
  return needs;
}

class Ensd final : public Measure {
 public:
  Ensd(const MeasureInfo& info, std::string id)
      : Measure(std::move(id)), info_(info) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs = ProductsFor(size);
    needs.cross = size.space == Space::kFeature;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const bool feature = statistics.size.space == Space::kFeature;
    const Matrix& a = feature ? statistics.gram : statistics.kernel;
    const Matrix& b =
        feature ? statistics.reference_gram : statistics.reference_kernel;
    const Matrix& m = statistics.cross;
    // |M|^2 = <K, L>
    const std::vector<double> dots =
        feature ? backend.Dots({{{m, m}, {a, a}, {b, b}}})
                : backend.Dots({{{a, b}, {a, a}, {b, b}}});
    // Factors in an order that neither overflows nor underflows.
    const double x = statistics.candidate_norm_squared / dots[1];
    const double y = statistics.reference_norm_squared / dots[2];
    Evaluation result;
    result.value = (dots[0] * x) * y;
    const double v = result.value;
    if (request.candidate || request.reference) {
      if (feature) {
        result.adjoint.cross = Scaled(backend, 2.0 * x * y, m);
      }
    }
    if (request.candidate) {
      result.adjoint.candidate_norm_squared =
          v / statistics.candidate_norm_squared;
      Matrix& own = feature ? result.adjoint.gram : result.adjoint.kernel;
      own = Scaled(backend, -2.0 * v / dots[1], a);
      if (!feature) {
        backend.Axpby(x * y, b, 1.0, own);
      }
    }
    if (request.reference) {
      result.adjoint.reference_norm_squared =
          v / statistics.reference_norm_squared;
      Matrix& own = feature ? result.adjoint.reference_gram
                            : result.adjoint.reference_kernel;
      own = Scaled(backend, -2.0 * v / dots[2], b);
      if (!feature) {
        backend.Axpby(x * y, a, 1.0, own);
      }
    }
    return result;
  }

 private:
  const MeasureInfo& info_;
};

class ParticipationDifference final : public Measure {
 public:
  ParticipationDifference(const MeasureInfo& info, std::string id)
      : Measure(std::move(id)), info_(info) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    return ProductsFor(size);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    const bool feature = statistics.size.space == Space::kFeature;
    const Matrix& a = feature ? statistics.gram : statistics.kernel;
    const Matrix& b =
        feature ? statistics.reference_gram : statistics.reference_kernel;
    const std::vector<double> dots =
        statistics.backend->Dots({{{a, a}, {b, b}}});
    Evaluation result;
    result.value = std::abs(
        ParticipationRatio(statistics.candidate_norm_squared, dots[0]) -
        ParticipationRatio(statistics.reference_norm_squared, dots[1]));
    return result;
  }

 private:
  const MeasureInfo& info_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeEnsd(
    const MeasureInfo& info, Parameters& parameters) {
  return std::make_shared<Ensd>(info, parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeParticipationDifference(
    const MeasureInfo& info, Parameters& parameters) {
  return std::make_shared<ParticipationDifference>(info,
                                                   parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> EffectiveDimensionFamily() {
  const MeasureInfo ensd = {
      .id = "ensd",
      .aliases = {},
      .summary =
          "effective number of shared dimensions; the participation ratio at "
          "equality",
      .orientation = Orientation::kScore,
      .lowest = 0.0,
      .highest = std::numeric_limits<double>::infinity(),
      .exact_at_equality = false,
      .symmetric = true,
      .metric = false,
      .differentiable = true,
      .invariances = {"orthogonal", "permutation", "scale", "translation"},
      .parameters = {},
      .minimum_rows = 2,
      .source =
          "Giaffar et al. 2023, The effective number of shared "
          "dimensions between paired datasets",
      .cost = "n (p q + p^2), or n^2 (p + q) for p > n"};
  MeasureInfo participation = ensd;
  participation.id = "participation_ratio";
  participation.aliases = {};
  participation.summary =
      "absolute difference of the participation ratios (sum w)^2 / sum w^2 of "
      "the covariance eigenvalues w";
  participation.orientation = Orientation::kDistance;
  participation.exact_at_equality = true;
  participation.differentiable = false;
  participation.source =
      "Gao et al. 2017, A theory of multineuronal dimensionality, dynamics and "
      "measurement";
  return {{ensd, MakeEnsd}, {participation, MakeParticipationDifference}};
}

}  // namespace repscore
