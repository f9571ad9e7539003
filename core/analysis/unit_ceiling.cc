#include "core/analysis/unit_ceiling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/analysis/ceiling.h"
#include "core/base/status_macros.h"
#include "core/measures/predict_score.h"

namespace repscore {
namespace {

// Of the squared norm about zero: less is rounding of a constant unit.
constexpr double kSmallestVariation = 1e-24;

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

/// The unit about its mean; empty when it does not vary.
std::optional<Eigen::RowVectorXd> Varying(const Eigen::RowVectorXd& unit) {
  Eigen::RowVectorXd centred = unit.array() - unit.mean();
  if (!(centred.squaredNorm() > kSmallestVariation * unit.squaredNorm())) {
    return std::nullopt;
  }
  return centred;
}

/// Spearman-Brown corrected; disagreement is not made larger.
std::optional<double> Corrected(const Eigen::RowVectorXd& first,
                                const Eigen::RowVectorXd& second) {
  const auto a = Varying(first);
  const auto b = Varying(second);
  if (!a.has_value() || !b.has_value()) {
    return std::nullopt;
  }
  const double r = std::clamp(a->dot(*b) / a->norm() / b->norm(), -1.0, 1.0);
  return r > 0.0 ? 2.0 * r / (1.0 + r) : r;
}

}  // namespace

absl::StatusOr<UnitReliability> ReliabilityOfUnits(const Dataset& dataset,
                                                   int64_t splits,
                                                   uint64_t seed,
                                                   const Continue& keep_going) {
  const RandomHalves random(dataset, seed);
  std::vector<std::vector<double>> by_unit(
      static_cast<size_t>(dataset.features()));
  UnitReliability reliability;
  for (int64_t split = 0; split < splits; ++split) {
    REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
    const std::array<Eigen::MatrixXd, 2> halves = random.Draw(split);
    std::vector<double> of_split;
    for (size_t j = 0; j < by_unit.size(); ++j) {
      const auto row = static_cast<Eigen::Index>(j);
      if (const std::optional<double> r =
              Corrected(halves[0].row(row), halves[1].row(row))) {
        by_unit[j].push_back(*r);
        of_split.push_back(*r);
      }
    }
    if (!of_split.empty()) {
      reliability.medians.push_back(Median(std::move(of_split)));
    }
  }
  for (const std::vector<double>& unit : by_unit) {
    reliability.units.push_back(
        unit.empty() ? std::nullopt : std::optional<double>(MeanOf(unit)));
  }
  return reliability;
}

CeiledUnits CeilUnits(const UnitScores& scores,
                      absl::Span<const std::optional<double>> ceilings) {
  CeiledUnits result;
  std::vector<double> ceiled;
  for (size_t j = 0; j < scores.values.size(); ++j) {
    const std::optional<double>& score = scores.values[j];
    const std::optional<double>& ceiling =
        ceilings[ceilings.size() == 1 ? 0 : j];
    if (!score.has_value() || !(ceiling.value_or(0.0) > 0.0)) {
      ++result.skipped;
      continue;
    }
    result.negative += *score < 0.0 ? 1 : 0;
    ceiled.push_back(*score * *score / *ceiling);
  }
  if (!ceiled.empty()) {
    result.value = scores.median ? Median(std::move(ceiled)) : MeanOf(ceiled);
  }
  return result;
}

}  // namespace repscore
