#include "core/analysis/perturbation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/analysis/draw_statistics.h"
#include "core/analysis/resampling.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr int64_t kMostDraws = 1000;
// Philox streams of the directions, one per component and draw.
constexpr uint64_t kDirectionStream = uint64_t{0x70657274} << 32U;  // "pert"

/// A zero-mean unit vector [n x 1].
Matrix RandomDirection(Backend& backend,
                       int64_t rows,
                       uint64_t seed,
                       uint64_t index) {
  std::vector<double> entries(static_cast<size_t>(rows));
  Philox(seed, kDirectionStream + index).FillNormal(0, absl::MakeSpan(entries));
  const double mean = std::accumulate(entries.begin(), entries.end(), 0.0) /
                      static_cast<double>(rows);
  double squared = 0.0;
  for (double& entry : entries) {
    entry -= mean;
    squared += entry * entry;
  }
  for (double& entry : entries) {
    entry /= std::sqrt(squared);
  }
  Matrix direction = backend.Allocate(rows, 1, kDouble);
  backend.Upload(entries, direction);
  return direction;
}

class Perturbation {
 public:
  Perturbation(const Reference& reference, const Resampler& resampler)
      : reference_(reference),
        backend_(reference.backend()),
        resampler_(resampler) {}

  /// Scores of Y + (u - u_i) u_i'Y.
  Values Score(const Matrix& own, const Matrix& drawn, std::string& failure) {
    const Matrix& y = reference_.centred();
    const Matrix weights = backend_.Allocate(1, y.cols(), kDouble);
    backend_.Gemm(Op::kTranspose, Op::kNone, 1.0, own, y, 0.0, weights);
    const Matrix change = Scaled(backend_, 1.0, drawn);
    backend_.Axpby(-1.0, own, 1.0, change);
    const Matrix rows = Scaled(backend_, 1.0, y);
    backend_.Gemm(Op::kNone, Op::kNone, 1.0, change, weights, 1.0, rows);
    return resampler_.Score({.candidate = rows,
                             .candidate_means = reference_.means(),
                             .reference = y,
                             .compressed = reference_.compressed(),
                             .reference_means = reference_.means()},
                            failure);
  }

 private:
  const Reference& reference_;
  Backend& backend_;
  const Resampler& resampler_;
};

}  // namespace

std::optional<double> PerturbationTheory(std::string_view measure_id,
                                         absl::Span<const double> variances,
                                         int64_t component) {
  double sum = 0.0;
  double squares = 0.0;
  for (const double variance : variances) {
    sum += variance;
    squares += variance * variance;
  }
  const double own = variances[static_cast<size_t>(component)];
  const double cka = 1.0 - own * own / squares;
  const double nbs = 1.0 - own / sum;
  const auto angular_score = [](double cosine) {
    return 1.0 - 2.0 / kPi * std::acos(cosine);
  };
  if (measure_id == "cka") {
    return cka;
  }
  if (measure_id == "cka.angular") {
    return std::acos(cka);
  }
  if (measure_id == "cka.angular_score") {
    return angular_score(cka);
  }
  if (measure_id == "nbs") {
    return nbs;
  }
  if (measure_id == "procrustes.angle") {
    return std::acos(nbs);
  }
  if (measure_id == "procrustes.angular_score") {
    return angular_score(nbs);
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<MeasurePerturbations>> PerturbComponents(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const PerturbationRequest& request,
    const KeepGoing& keep_going) {
  if (request.components < 1) {
    return absl::InvalidArgumentError(
        StrCat("components: ", request.components, " is not at least 1"));
  }
  if (request.draws < 1 || request.draws > kMostDraws) {
    return absl::InvalidArgumentError(
        StrCat("draws: ", request.draws, " is not from 1 to ", kMostDraws));
  }
  return Guarded([&]() -> absl::StatusOr<std::vector<MeasurePerturbations>> {
    REPSCORE_ASSIGN_OR_RETURN(const Resampler resampler,
                              Resampler::Create(reference, measures));
    Backend& backend = reference.backend();
    const Reference::PrincipalComponents all =
        reference.principal_components(reference.rows());
    const int64_t count = std::min(request.components, all.vectors.cols());
    Perturbation perturbation(reference, resampler);
    std::vector<MeasurePerturbations> results(measures.size());
    for (size_t m = 0; m < measures.size(); ++m) {
      results[m].measure = measures[m]->id();
    }
    for (int64_t i = 0; i < count; ++i) {
      DrawnScores scores;
      for (int64_t draw = 0; draw < request.draws; ++draw) {
        REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
        const Matrix direction =
            RandomDirection(backend,
                            reference.rows(),
                            request.seed,
                            static_cast<uint64_t>(i * kMostDraws + draw));
        scores.draws.push_back(perturbation.Score(
            all.vectors.Columns(i, 1), direction, scores.failure));
      }
      for (size_t m = 0; m < measures.size(); ++m) {
        const std::optional<DrawStatistics> drawn = StatisticsOf(scores, m);
        if (!drawn.has_value()) {
          return absl::InvalidArgumentError(
              StrCat("measures[", m, "].id: ", scores.failure));
        }
        results[m].components.push_back(
            {.component = i + 1,
             .variance_share = all.variance_share[static_cast<size_t>(i)],
             .mean = drawn->mean,
             .standard_deviation = drawn->standard_deviation,
             .theory = PerturbationTheory(
                 measures[m]->info().id, all.variance_share, i)});
      }
    }
    return results;
  });
}

}  // namespace repscore
