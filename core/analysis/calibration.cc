#include "core/analysis/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/analysis/draw_statistics.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

/// What a trace holds at one similarity.
struct Reading {
  double steps = 0.0;
  std::vector<double> component_r2;
  std::vector<double> decoding;
};

std::vector<double> Mix(const std::vector<double>& a,
                        const std::vector<double>& b,
                        double share) {
  std::vector<double> mixed(a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    mixed[i] = a[i] + share * (b[i] - a[i]);
  }
  return mixed;
}

/// A trace as a function of similarity: the score, or minus a distance.
class Curve {
 public:
  Curve(const CalibrationTrace& trace, double sign) : trace_(trace) {
    for (const CalibrationTrace::Point& point : trace.points) {
      similarity_.push_back(sign * point.score);
    }
    for (size_t t = 0; t < trace.points.size(); ++t) {
      if (!trace.points[t].decoding.empty()) {
        decoded_.push_back(t);
      }
    }
  }

  double start() const { return similarity_.front(); }
  double best() const {
    return *std::max_element(similarity_.begin(), similarity_.end());
  }

  /// At the first crossing; empty where the trace never got there, the start
  /// below it.
  std::optional<Reading> At(double similarity) const {
    if (similarity <= similarity_.front()) {
      return Between(0, 0, 0.0);
    }
    for (size_t t = 1; t < similarity_.size(); ++t) {
      if (similarity_[t] >= similarity) {
        const double low = similarity_[t - 1];
        return Between(t - 1, t, (similarity - low) / (similarity_[t] - low));
      }
    }
    return std::nullopt;
  }

 private:
  Reading Between(size_t a, size_t b, double share) const {
    const auto& points = trace_.points;
    Reading reading;
    const auto step_a = static_cast<double>(points[a].step);
    const auto step_b = static_cast<double>(points[b].step);
    reading.steps = step_a + share * (step_b - step_a);
    reading.component_r2 =
        Mix(points[a].component_r2, points[b].component_r2, share);
    if (!decoded_.empty()) {
      reading.decoding =
          Decoding(static_cast<double>(a) + share * static_cast<double>(b - a));
    }
    return reading;
  }

  /// Between the decoded points around position `at`.
  std::vector<double> Decoding(double at) const {
    const auto above =
        std::find_if(decoded_.begin(), decoded_.end(), [at](size_t t) {
          return static_cast<double>(t) >= at;
        });
    const size_t next = above == decoded_.end() ? decoded_.back() : *above;
    const size_t last = above == decoded_.begin() ? next : *(above - 1);
    const double span = static_cast<double>(next) - static_cast<double>(last);
    const double share =
        span > 0.0 ? (at - static_cast<double>(last)) / span : 0.0;
    return Mix(trace_.points[last].decoding,
               trace_.points[next].decoding,
               std::min(share, 1.0));
  }

  const CalibrationTrace& trace_;
  std::vector<double> similarity_;
  /// Positions of decoded points.
  std::vector<size_t> decoded_;
};

double SignOf(Orientation orientation) {
  return orientation == Orientation::kDistance ? -1.0 : 1.0;
}

absl::Status CheckInput(const CalibrationInput& input) {
  if (input.traces.empty()) {
    return absl::InvalidArgumentError("traces: there is none");
  }
  for (size_t i = 0; i < input.traces.size(); ++i) {
    const auto& points = input.traces[i].points;
    bool fits = !points.empty();
    for (const CalibrationTrace::Point& point : points) {
      fits = fits && std::isfinite(point.score) &&
             point.component_r2.size() == input.variance_shares.size() &&
             (point.decoding.empty() ||
              point.decoding.size() == input.labels.size());
    }
    if (!fits) {
      return absl::InvalidArgumentError(StrCat(
          "traces[", i, "]: does not follow the components and labels asked"));
    }
  }
  return absl::OkStatus();
}

CalibrationPoint Average(double score,
                         const std::vector<Reading>& readings,
                         size_t components,
                         size_t labels) {
  CalibrationPoint point;
  point.score = score;
  point.runs = static_cast<int64_t>(readings.size());
  const auto count = static_cast<double>(readings.size());
  point.component_r2.assign(components, 0.0);
  for (const Reading& reading : readings) {
    point.steps += reading.steps / count;
    for (size_t i = 0; i < components; ++i) {
      point.component_r2[i] += reading.component_r2[i] / count;
    }
  }
  for (size_t i = 0; i < labels; ++i) {
    std::vector<double> accuracies;
    for (const Reading& reading : readings) {
      if (!reading.decoding.empty()) {
        accuracies.push_back(reading.decoding[i]);
      }
    }
    if (accuracies.empty()) {
      continue;
    }
    const DrawStatistics statistics = StatisticsOf(accuracies);
    point.accuracy.push_back(statistics.mean);
    point.accuracy_deviation.push_back(statistics.standard_deviation);
  }
  return point;
}

/// "1-3, 5" of ascending numbers.
std::string Ranges(const std::vector<int64_t>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() &&
           numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    text += StrCat(text.empty() ? "" : ", ", numbers[i]);
    if (last > i) {
      text += StrCat("-", numbers[last]);
    }
    i = last + 1;
  }
  return text;
}

std::string Spoken(std::string kind) {
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return kind;
}

std::string Statement(const CalibrationReading& reading,
                      double score,
                      const std::string& name,
                      bool has_below) {
  std::string text =
      absl::StrFormat("%.2f %s on this dataset: optimised noise %s",
                      score,
                      name,
                      reading.beyond_range ? "at the nearest score it reached"
                                           : "at this score");
  std::vector<std::string> parts;
  if (reading.components > 0) {
    const size_t captured = reading.components_captured.size();
    parts.push_back(
        captured == 0
            ? StrCat("captures none of ", reading.components, " PCs")
            : absl::StrFormat("captures %s %s of %d (%.0f %% of variance)",
                              captured == 1 ? "PC" : "PCs",
                              Ranges(reading.components_captured),
                              reading.components,
                              100.0 * reading.variance_captured));
  }
  for (const CalibratedAccuracy& label : reading.labels) {
    parts.push_back(
        absl::StrFormat("decodes %s at %.2f where the recording gives %.2f",
                        label.label.label,
                        label.accuracy,
                        label.label.reference_accuracy));
  }
  if (parts.empty()) {
    parts.emplace_back("was followed by neither components nor labels");
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    text += StrCat(i == 0 ? " " : ", ", parts[i]);
  }
  if (!reading.landmarks.empty()) {
    const Landmark& nearest = reading.landmarks.front();
    text += absl::StrFormat("; %s the %s (%.2f)",
                            has_below ? "above" : "below",
                            Spoken(nearest.kind),
                            nearest.value);
  }
  return text;
}

}  // namespace

absl::StatusOr<MeasureCalibration> Calibrate(const CalibrationInput& input,
                                             int64_t grid) {
  REPSCORE_RETURN_IF_ERROR(CheckInput(input));
  const double sign = SignOf(input.orientation);
  std::vector<Curve> curves;
  curves.reserve(input.traces.size());
  for (const CalibrationTrace& trace : input.traces) {
    curves.emplace_back(trace, sign);
  }
  double least = curves.front().start();
  double most = curves.front().best();
  for (const Curve& curve : curves) {
    least = std::min(least, curve.start());
    most = std::max(most, curve.best());
  }
  MeasureCalibration calibration;
  calibration.measure = input.measure;
  calibration.orientation = input.orientation;
  calibration.labels = input.labels;
  calibration.variance_shares = input.variance_shares;
  calibration.landmarks = input.landmarks;
  calibration.runs = static_cast<int64_t>(input.traces.size());
  const int64_t last = most > least ? std::max<int64_t>(grid, 2) - 1 : 0;
  for (int64_t g = 0; g <= last; ++g) {
    const double share =
        last == 0 ? 0.0 : static_cast<double>(g) / static_cast<double>(last);
    const double similarity = g == last ? most : least + share * (most - least);
    std::vector<Reading> readings;
    for (const Curve& curve : curves) {
      std::optional<Reading> reading = curve.At(similarity);
      if (reading.has_value()) {
        readings.push_back(*std::move(reading));
      }
    }
    calibration.points.push_back(Average(sign * similarity,
                                         readings,
                                         input.variance_shares.size(),
                                         input.labels.size()));
  }
  std::vector<double> scores;
  std::vector<std::vector<double>> captured;
  std::vector<std::vector<double>> decoded;
  for (const CalibrationPoint& point : calibration.points) {
    scores.push_back(point.score);
    captured.push_back(point.component_r2);
    decoded.push_back(point.accuracy);
  }
  calibration.component_thresholds =
      ComponentThresholds(scores, captured, input.variance_shares);
  calibration.label_thresholds = LabelThresholds(scores, decoded, input.labels);
  return calibration;
}

CalibrationReading ReadCalibration(const MeasureCalibration& calibration,
                                   double score,
                                   const std::string& name) {
  const double sign = SignOf(calibration.orientation);
  const std::vector<CalibrationPoint>& points = calibration.points;
  CalibrationReading reading;
  reading.runs = calibration.runs;
  reading.components = static_cast<int64_t>(calibration.variance_shares.size());
  if (points.empty()) {
    return reading;
  }
  const double similarity = sign * score;
  reading.beyond_range = similarity > sign * points.back().score ||
                         similarity < sign * points.front().score;
  size_t next = 0;
  while (next + 1 < points.size() && sign * points[next].score < similarity) {
    ++next;
  }
  const size_t previous = next == 0 ? 0 : next - 1;
  const double low = sign * points[previous].score;
  const double high = sign * points[next].score;
  const double share =
      high > low ? std::clamp((similarity - low) / (high - low), 0.0, 1.0)
                 : 0.0;
  const CalibrationPoint& a = points[previous];
  const CalibrationPoint& b = points[next];
  const std::vector<double> r2 = Mix(a.component_r2, b.component_r2, share);
  for (size_t i = 0; i < r2.size(); ++i) {
    const double start = points.front().component_r2[i];
    if (r2[i] >= (start + 1.0) / 2.0) {
      reading.components_captured.push_back(static_cast<int64_t>(i) + 1);
      reading.variance_captured += calibration.variance_shares[i];
    }
  }
  if (a.accuracy.size() == calibration.labels.size() &&
      b.accuracy.size() == calibration.labels.size()) {
    const std::vector<double> accuracy = Mix(a.accuracy, b.accuracy, share);
    const std::vector<double> deviation =
        Mix(a.accuracy_deviation, b.accuracy_deviation, share);
    for (size_t i = 0; i < accuracy.size(); ++i) {
      reading.labels.push_back({.label = calibration.labels[i],
                                .accuracy = accuracy[i],
                                .standard_deviation = deviation[i]});
    }
  }
  if (!reading.beyond_range && b.runs == calibration.runs) {
    reading.steps = a.steps + share * (b.steps - a.steps);
  }
  std::vector<Landmark> below;
  std::vector<Landmark> above;
  for (const Landmark& landmark : calibration.landmarks) {
    (sign * landmark.value <= similarity ? below : above).push_back(landmark);
  }
  const auto nearer = [score](const Landmark& x, const Landmark& y) {
    return std::abs(x.value - score) < std::abs(y.value - score);
  };
  std::stable_sort(below.begin(), below.end(), nearer);
  std::stable_sort(above.begin(), above.end(), nearer);
  reading.landmarks = below;
  reading.landmarks.insert(reading.landmarks.end(), above.begin(), above.end());
  reading.statement = Statement(reading, score, name, !below.empty());
  return reading;
}

}  // namespace repscore
