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
// A member that came nearer by more than this share of the axes in the last
// part of its path is on its way.
constexpr double kProgress = 0.01;
constexpr size_t kLastPart = 10;
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

/// What the targets span along a measure.
struct Axis {
  double low = 0.0;
  double high = 0.0;
  double span() const { return high - low; }
};

Axis AxisOf(const std::vector<RangePoint>& targets, bool second) {
  const auto [least, most] = std::minmax_element(
      targets.begin(),
      targets.end(),
      [second](const RangePoint& a, const RangePoint& b) {
        return Coordinate(a, second) < Coordinate(b, second);
      });
  return {.low = Coordinate(*least, second), .high = Coordinate(*most, second)};
}

/// Whether each member was still coming nearer to its target.
std::vector<bool> Unsettled(const RangeInput& input) {
  std::vector<bool> unsettled(input.targets.size(), false);
  if (input.targets.empty()) {
    return unsettled;
  }
  const double first_span = AxisOf(input.targets, false).span();
  const double second_span = AxisOf(input.targets, true).span();
  for (size_t i = 0; i < std::min(input.paths.size(), unsettled.size()); ++i) {
    const std::vector<RangePoint>& path = input.paths[i];
    const RangePoint& target = input.targets[i];
    const size_t late = path.size() - path.size() / kLastPart;
    double before = std::numeric_limits<double>::infinity();
    double after = before;
    for (size_t k = 0; k < path.size(); ++k) {
      const double away =
          (first_span > 0.0
               ? std::abs(path[k].first - target.first) / first_span
               : 0.0) +
          (second_span > 0.0
               ? std::abs(path[k].second - target.second) / second_span
               : 0.0);
      double& nearest = k < late ? before : after;
      nearest = std::min(nearest, away);
    }
    unsettled[i] = std::isfinite(after) && before - after > kProgress;
  }
  return unsettled;
}

/// How far height of one measure forces the other one up, as a share of its
/// axis.
struct Force {
  /// The least over targets; infinite where none reached height, empty without
  /// such targets.
  std::optional<double> least = std::nullopt;
  /// Members on their way may still show that it is small.
  bool is_bound = false;
};

/// Of height of the second measure when `high_second`, else of the first.
Force Forced(const RangeInput& input,
             const std::vector<bool>& unsettled,
             bool high_second) {
  const bool other = !high_second;
  const Axis high = AxisOf(input.targets, high_second);
  const Axis low = AxisOf(input.targets, other);
  Force force;
  if (!(high.span() > 0.0 && low.span() > 0.0)) {
    return force;
  }
  for (size_t i = 0; i < input.targets.size(); ++i) {
    const double wanted = Coordinate(input.targets[i], high_second);
    const double wanted_other = Coordinate(input.targets[i], other);
    if (wanted < high.high - kOuterShare * high.span() ||
        wanted_other > low.low + kOuterShare * low.span()) {
      continue;
    }
    const double missed = wanted - Coordinate(input.ends[i], high_second);
    const double forced =
        missed > kReachedShare * high.span()
            ? std::numeric_limits<double>::infinity()
            : (Coordinate(input.ends[i], other) - wanted_other) / low.span();
    force.least = std::min(force.least.value_or(forced), std::max(forced, 0.0));
    force.is_bound = force.is_bound || unsettled[i];
  }
  if (force.least.has_value() && *force.least <= kForcedShare) {
    force.is_bound = false;
  }
  return force;
}

Coupling Classify(const RangeInput& input, const std::vector<bool>& unsettled) {
  if (input.targets.empty()) {
    return Coupling::kUnspecified;
  }
  const Force first = Forced(input, unsettled, false);
  const Force second = Forced(input, unsettled, true);
  const std::optional<double> by_first = first.least;
  const std::optional<double> by_second = second.least;
  if (!by_first.has_value() || !by_second.has_value()) {
    return Coupling::kUnspecified;
  }
  if (first.is_bound || second.is_bound) {
    return Coupling::kUndecided;
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
  for (const std::vector<RangePoint>& path : input.paths) {
    for (const RangePoint& point : path) {
      if (Coordinate(point, high_second) >= kHighScore) {
        const double other = Coordinate(point, !high_second);
        least = std::min(least.value_or(other), other);
      }
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
    for (const std::vector<RangePoint>& path : input.paths) {
      for (const RangePoint& point : path) {
        const double cka = ToPlain(cka_form, Coordinate(point, swapped));
        const double nbs = ToPlain(nbs_form, Coordinate(point, !swapped));
        const double violation =
            b == 0 ? cka * least - nbs * nbs : nbs * nbs - cka * most;
        bound.violation = std::max(bound.violation, violation);
      }
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
  const std::vector<bool> unsettled = Unsettled(input);
  range.unsettled = std::count(unsettled.begin(), unsettled.end(), true);
  range.coupling = Classify(input, unsettled);
  range.second_given_high_first = LeastGivenHigh(input, false);
  range.first_given_high_second = LeastGivenHigh(input, true);
  range.bounds = TheoreticalBounds(input);
  return range;
}

}  // namespace repscore
