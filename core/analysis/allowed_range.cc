#include "core/analysis/allowed_range.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace repscore {
namespace {

constexpr double kPi = 3.14159265358979323846;
// A score at which the other measure's least value is reported.
constexpr double kHighScore = 0.9;
// Outer part of an axis whose targets count as high or low.
constexpr double kOuterShare = 0.2;
// A high coordinate counts as reached within this share of its axis.
constexpr double kReachedShare = 0.1;
// Share of its axis by which a low coordinate must be forced up to matter.
constexpr double kForcedShare = 0.2;
// One side forces the other this much more than conversely: asymmetric.
constexpr double kAsymmetry = 2.0;
// Points of a bound that are reported.
constexpr int kBoundPoints = 101;

double Cross(const RangePoint& o, const RangePoint& a, const RangePoint& b) {
  return (a.first - o.first) * (b.second - o.second) -
         (a.second - o.second) * (b.first - o.first);
}

/// Area of the convex hull (Andrew's monotone chain).
double HullArea(std::vector<RangePoint> points) {
  std::sort(points.begin(),
            points.end(),
            [](const RangePoint& a, const RangePoint& b) {
              return a.first != b.first ? a.first < b.first
                                        : a.second < b.second;
            });
  std::vector<RangePoint> hull;
  for (int pass = 0; pass < 2; ++pass) {
    const size_t base = hull.size();
    for (const RangePoint& point : points) {
      while (hull.size() >= base + 2 &&
             Cross(hull[hull.size() - 2], hull.back(), point) <= 0.0) {
        hull.pop_back();
      }
      hull.push_back(point);
    }
    if (!hull.empty()) {
      hull.pop_back();
    }
    std::reverse(points.begin(), points.end());
  }
  double twice = 0.0;
  for (size_t i = 0; i < hull.size(); ++i) {
    const RangePoint& a = hull[i];
    const RangePoint& b = hull[(i + 1) % hull.size()];
    twice += a.first * b.second - b.first * a.second;
  }
  return std::abs(twice) / 2.0;
}

double Coordinate(const RangePoint& point, bool second) {
  return second ? point.second : point.first;
}

/// How far height of one measure (the second one when `high_second`) forces the
/// other one up, as a share of its axis; infinite when height is not reached,
/// empty without such targets.
std::optional<double> Forced(const RangeInput& input, bool high_second) {
  double low[2];
  double high[2];
  for (const bool axis : {false, true}) {
    const auto less = [axis](const RangePoint& a, const RangePoint& b) {
      return Coordinate(a, axis) < Coordinate(b, axis);
    };
    const auto [least, most] =
        std::minmax_element(input.targets.begin(), input.targets.end(), less);
    low[axis] = Coordinate(*least, axis);
    high[axis] = Coordinate(*most, axis);
  }
  const bool other = !high_second;
  const double high_span = high[high_second] - low[high_second];
  const double other_span = high[other] - low[other];
  if (!(high_span > 0.0 && other_span > 0.0)) {
    return std::nullopt;
  }
  std::optional<double> least;
  for (size_t i = 0; i < input.targets.size(); ++i) {
    const double wanted = Coordinate(input.targets[i], high_second);
    const double wanted_other = Coordinate(input.targets[i], other);
    if (wanted < high[high_second] - kOuterShare * high_span ||
        wanted_other > low[other] + kOuterShare * other_span) {
      continue;
    }
    const double missed = wanted - Coordinate(input.ends[i], high_second);
    const double forced =
        missed > kReachedShare * high_span
            ? std::numeric_limits<double>::infinity()
            : (Coordinate(input.ends[i], other) - wanted_other) / other_span;
    least = std::min(least.value_or(forced), std::max(forced, 0.0));
  }
  return least;
}

Coupling Classify(const RangeInput& input) {
  if (input.targets.empty()) {
    return Coupling::kUnspecified;
  }
  const std::optional<double> by_first = Forced(input, false);
  const std::optional<double> by_second = Forced(input, true);
  if (!by_first.has_value() || !by_second.has_value()) {
    return Coupling::kUnspecified;
  }
  if (*by_first <= kForcedShare && *by_second <= kForcedShare) {
    return Coupling::kIndependent;
  }
  if (*by_first > kAsymmetry * *by_second) {
    return Coupling::kFirstImpliesSecond;
  }
  if (*by_second > kAsymmetry * *by_first) {
    return Coupling::kSecondImpliesFirst;
  }
  return Coupling::kCoupled;
}

std::optional<double> LeastGivenHigh(const RangeInput& input,
                                     bool high_second) {
  std::optional<double> least;
  for (const RangePoint& point : input.trace) {
    if (Coordinate(point, high_second) >= kHighScore) {
      const double other = Coordinate(point, !high_second);
      least = std::min(least.value_or(other), other);
    }
  }
  return least;
}

/// The form in which a measure carries CKA or NBS.
enum class Form { kNone, kPlain, kAngle, kAngularScore };

Form FormOf(std::string_view measure,
            std::string_view plain,
            std::string_view angle,
            std::string_view angular_score) {
  const std::string_view id = measure.substr(0, measure.find('('));
  if (id == plain) {
    return Form::kPlain;
  }
  if (id == angle) {
    return Form::kAngle;
  }
  return id == angular_score ? Form::kAngularScore : Form::kNone;
}

Form CkaForm(std::string_view measure) {
  return FormOf(measure, "cka", "cka.angular", "cka.angular_score");
}

Form NbsForm(std::string_view measure) {
  return FormOf(measure, "nbs", "procrustes.angle", "procrustes.angular_score");
}

double ToPlain(Form form, double value) {
  switch (form) {
    case Form::kAngle:
      return std::cos(value);
    case Form::kAngularScore:
      return std::cos((1.0 - value) * kPi / 2.0);
    default:
      return value;
  }
}

double FromPlain(Form form, double plain) {
  const double angle = std::acos(std::clamp(plain, 0.0, 1.0));
  switch (form) {
    case Form::kAngle:
      return angle;
    case Form::kAngularScore:
      return 1.0 - 2.0 / kPi * angle;
    default:
      return std::clamp(plain, 0.0, 1.0);
  }
}

}  // namespace

std::vector<TheoreticalBound> TheoreticalBounds(const RangeInput& input) {
  const bool swapped = CkaForm(input.first_measure) == Form::kNone;
  const std::string& cka_id =
      swapped ? input.second_measure : input.first_measure;
  const std::string& nbs_id =
      swapped ? input.first_measure : input.second_measure;
  const Form cka_form = CkaForm(cka_id);
  const Form nbs_form = NbsForm(nbs_id);
  if (cka_form == Form::kNone || nbs_form == Form::kNone ||
      input.candidate_rank < 1 || input.reference_rank < 1) {
    return {};
  }
  const auto r_x = static_cast<double>(input.candidate_rank);
  const auto r_y = static_cast<double>(input.reference_rank);
  const double least = 1.0 / std::sqrt(r_x * r_y);
  const double most = std::min(r_x, r_y);
  constexpr std::string_view kSource =
      "Harvey, Larsen and Williams 2023; Cloos et al. 2024";
  std::vector<TheoreticalBound> bounds(2);
  bounds[0].formula = "cka / sqrt(r_x r_y) <= nbs^2";
  bounds[1].formula = "nbs^2 <= min(r_x, r_y) cka";
  for (size_t b = 0; b < 2; ++b) {
    TheoreticalBound& bound = bounds[b];
    bound.source = std::string(kSource);
    for (int i = 0; i < kBoundPoints; ++i) {
      const double cka = static_cast<double>(i) / (kBoundPoints - 1);
      const double squared = cka * (b == 0 ? least : most);
      const double cka_value = FromPlain(cka_form, cka);
      const double nbs_value =
          FromPlain(nbs_form, std::sqrt(std::min(squared, 1.0)));
      bound.first.push_back(swapped ? nbs_value : cka_value);
      bound.second.push_back(swapped ? cka_value : nbs_value);
    }
    for (const RangePoint& point : input.trace) {
      const double cka = ToPlain(cka_form, Coordinate(point, swapped));
      const double nbs = ToPlain(nbs_form, Coordinate(point, !swapped));
      const double violation =
          b == 0 ? cka * least - nbs * nbs : nbs * nbs - cka * most;
      bound.violation = std::max(bound.violation, violation);
    }
  }
  return bounds;
}

AllowedRange ComputeAllowedRange(const RangeInput& input) {
  AllowedRange range;
  range.first_measure = input.first_measure;
  range.second_measure = input.second_measure;
  for (const RangePoint& end : input.ends) {
    range.first.push_back(end.first);
    range.second.push_back(end.second);
  }
  const double whole = HullArea(input.targets);
  if (whole > 0.0) {
    range.area_share = std::min(1.0, HullArea(input.ends) / whole);
  }
  range.coupling = Classify(input);
  range.second_given_high_first = LeastGivenHigh(input, false);
  range.first_given_high_second = LeastGivenHigh(input, true);
  range.bounds = TheoreticalBounds(input);
  return range;
}

}  // namespace repscore
