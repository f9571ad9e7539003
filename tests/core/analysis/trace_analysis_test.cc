// Thresholds, allowed ranges and calibration: pure functions of traces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/analysis/allowed_range.h"
#include "core/analysis/calibration.h"
#include "core/analysis/thresholds.h"

namespace repscore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ThresholdsTest, FirstUpwardCrossingIsInterpolatedAsAFunctionOfR2) {
  // Starts at .2, ends at .9, dips after its first crossing of .6.
  const std::vector<double> scores = {0.0, 0.1, 0.3, 0.4, 0.8};
  const std::vector<std::vector<double>> captured = {
      {0.2, 0.0}, {0.4, 0.1}, {0.8, 0.3}, {0.5, 0.2}, {0.9, 0.4}};

  const std::vector<ComponentThreshold> thresholds =
      ComponentThresholds(scores, captured, {0.7, 0.3});

  ASSERT_EQ(thresholds.size(), 2);
  EXPECT_EQ(thresholds[1].component, 2);
  EXPECT_EQ(thresholds[1].variance_share, 0.3);
  // Level .6, half way from .4 to .8.
  EXPECT_NEAR(*thresholds[0].midpoint_to_one, 0.2, 1e-15);
  // Level .55, from .4 to .8.
  EXPECT_NEAR(*thresholds[0].midpoint_to_max, 0.1 + 0.2 * 0.375, 1e-15);
  EXPECT_FALSE(thresholds[1].midpoint_to_one.has_value());
  EXPECT_NEAR(*thresholds[1].midpoint_to_max, 0.2, 1e-15);
}

TEST(ThresholdsTest, LabelsInterpolateBetweenDecodedPoints) {
  const std::vector<double> scores = {0.0, 0.2, 0.4, 0.6};
  const std::vector<std::vector<double>> decoding = {
      {0.5, 0.5}, {}, {0.93, 0.5}, {0.97, 0.5}};
  const std::vector<DecodedLabel> labels = {
      {.label = "a", .classes = 2, .chance = 0.5, .reference_accuracy = 1.0},
      {.label = "b", .classes = 2, .chance = 0.5, .reference_accuracy = 0.5}};

  const std::vector<LabelThreshold> thresholds =
      LabelThresholds(scores, decoding, labels);

  // Level .95, half way from .93 to .97.
  EXPECT_NEAR(*thresholds[0].score, 0.5, 1e-14);
  EXPECT_FALSE(thresholds[1].score.has_value());
}

/// Targets round the unit square; ends by a rule.
template <typename Rule>
RangeInput Square(Rule end) {
  RangeInput input;
  input.first_measure = "cka";
  input.second_measure = "nbs";
  input.candidate_rank = 4;
  input.reference_rank = 9;
  for (int i = 0; i <= 5; ++i) {
    for (int j = 0; j <= 5; ++j) {
      if (i == 0 || i == 5 || j == 0 || j == 5) {
        input.targets.push_back({i / 5.0, j / 5.0});
        input.ends.push_back(end(input.targets.back()));
        input.paths.push_back({input.ends.back()});
      }
    }
  }
  return input;
}

TEST(AllowedRangeTest, ClassesByWhichHeightForcesTheOther) {
  const auto free = [](RangePoint p) { return p; };
  const auto second_forces_first = [](RangePoint p) {
    return RangePoint{std::max(p.first, p.second - 0.1), p.second};
  };
  const auto first_forces_second = [](RangePoint p) {
    return RangePoint{p.first, std::max(p.second, p.first - 0.1)};
  };
  const auto both = [](RangePoint p) {
    const double mean = (p.first + p.second) / 2;
    return RangePoint{mean, mean};
  };

  EXPECT_EQ(ComputeAllowedRange(Square(free)).coupling, Coupling::kIndependent);
  EXPECT_EQ(ComputeAllowedRange(Square(second_forces_first)).coupling,
            Coupling::kSecondImpliesFirst);
  EXPECT_EQ(ComputeAllowedRange(Square(first_forces_second)).coupling,
            Coupling::kFirstImpliesSecond);
  EXPECT_EQ(ComputeAllowedRange(Square(both)).coupling, Coupling::kCoupled);
}

TEST(AllowedRangeTest, MembersOnTheirWayLeaveItUndecided) {
  RangeInput input = Square([](RangePoint p) {
    return RangePoint{p.first, std::max(p.second, p.first - 0.1)};
  });
  // Straight paths from the middle, at a steady pace.
  const auto walk = [&](size_t member, double shares) {
    const RangePoint end = input.ends[member];
    std::vector<RangePoint>& path = input.paths[member];
    path.clear();
    for (int step = 0; step <= 20; ++step) {
      const double t = std::min(1.0, step / shares);
      path.push_back(
          {0.5 + t * (end.first - 0.5), 0.5 + t * (end.second - 0.5)});
    }
  };
  for (size_t i = 0; i < input.ends.size(); ++i) {
    walk(i, 10.0);
  }
  const AllowedRange settled = ComputeAllowedRange(input);
  for (size_t i = 0; i < input.ends.size(); ++i) {
    walk(i, 20.0);
  }
  const AllowedRange moving = ComputeAllowedRange(input);

  EXPECT_EQ(settled.coupling, Coupling::kFirstImpliesSecond);
  EXPECT_EQ(settled.unsettled, 0);
  EXPECT_EQ(moving.coupling, Coupling::kUndecided);
  EXPECT_GT(moving.unsettled, 10);
  // What is reached by members on their way counts.
  input.ends = input.targets;
  EXPECT_EQ(ComputeAllowedRange(input).coupling, Coupling::kIndependent);
}

TEST(AllowedRangeTest, AreasAndLeastValues) {
  const AllowedRange whole =
      ComputeAllowedRange(Square([](RangePoint p) { return p; }));
  const AllowedRange half = ComputeAllowedRange(Square([](RangePoint p) {
    return RangePoint{p.first, std::max(p.second, p.first)};
  }));

  EXPECT_NEAR(whole.area_share, 1.0, 1e-15);
  EXPECT_NEAR(half.area_share, 0.5, 1e-15);
  EXPECT_EQ(*whole.second_given_high_first, 0.0);
  EXPECT_EQ(*half.second_given_high_first, 1.0);
  EXPECT_EQ(*half.first_given_high_second, 0.0);
}

TEST(AllowedRangeTest, BoundsOfCkaAndNbsInAnyForm) {
  RangeInput input = Square([](RangePoint) { return RangePoint{0.5, 0.5}; });

  const std::vector<TheoreticalBound> inside = TheoreticalBounds(input);
  // nbs^2 = .01 is below cka / sqrt(36) = .15 by .14.
  input.paths = {{{0.9, 0.1}}};
  const std::vector<TheoreticalBound> below = TheoreticalBounds(input);
  input.first_measure = "procrustes.angular_score";
  input.second_measure = "cka";
  input.paths = {{{1.0 - std::acos(0.1) * 2 / M_PI, 0.9}}};
  const std::vector<TheoreticalBound> swapped = TheoreticalBounds(input);
  input.second_measure = "linear_r2";

  ASSERT_EQ(inside.size(), 2);
  EXPECT_EQ(inside[0].violation, 0.0);
  EXPECT_EQ(inside[1].violation, 0.0);
  EXPECT_NEAR(below[0].violation, 0.14, 1e-12);
  EXPECT_NEAR(swapped[0].violation, 0.14, 1e-12);
  EXPECT_THAT(TheoreticalBounds(input), IsEmpty());
}

CalibrationTrace Trace(double shift) {
  CalibrationTrace trace;
  for (int step = 0; step <= 10; ++step) {
    const double score = step / 10.0;
    trace.points.push_back(
        {.step = int64_t{2} * step,
         .score = score,
         .component_r2 = {score, score * score},
         .decoding = step % 5 == 0
                         ? std::vector<double>{0.5 + 0.4 * score + shift}
                         : std::vector<double>{}});
  }
  return trace;
}

CalibrationInput TwoRuns() {
  CalibrationInput input;
  input.measure = "cka";
  input.traces = {Trace(0.0), Trace(0.02)};
  input.traces[1].points.resize(9);
  input.labels = {{.label = "context",
                   .classes = 2,
                   .chance = 0.5,
                   .reference_accuracy = 0.89}};
  input.variance_shares = {0.3, 0.1};
  input.landmarks = {{.kind = "condition_average", .value = 0.55},
                     {.kind = "noise", .value = 0.02},
                     {.kind = "split_half", .value = 0.9}};
  return input;
}

TEST(CalibrationTest, CurvesAreMeansOverTheRunsThatPassed) {
  const absl::StatusOr<MeasureCalibration> calibration =
      Calibrate(TwoRuns(), 11);

  ASSERT_TRUE(calibration.ok()) << calibration.status();
  ASSERT_EQ(calibration->points.size(), 11);
  EXPECT_EQ(calibration->runs, 2);
  const CalibrationPoint& middle = calibration->points[5];
  EXPECT_NEAR(middle.score, 0.5, 1e-15);
  EXPECT_NEAR(middle.component_r2[1], 0.25, 1e-12);
  EXPECT_NEAR(middle.accuracy[0], 0.71, 1e-12);
  EXPECT_NEAR(middle.accuracy_deviation[0], 0.01, 1e-12);
  EXPECT_NEAR(middle.steps, 10.0, 1e-12);
  EXPECT_EQ(middle.runs, 2);
  EXPECT_EQ(calibration->points[10].runs, 1);
  EXPECT_NEAR(
      *calibration->component_thresholds[0].midpoint_to_one, 0.5, 1e-12);
}

TEST(CalibrationTest, ReadingSaysWhatTheScoreMeans) {
  const CalibrationReading reading =
      ReadCalibration(*Calibrate(TwoRuns(), 11), 0.6, "CKA");

  EXPECT_THAT(reading.components_captured, ElementsAre(1));
  EXPECT_NEAR(reading.variance_captured, 0.3, 1e-15);
  EXPECT_NEAR(*reading.steps, 12.0, 1e-9);
  EXPECT_FALSE(reading.beyond_range);
  ASSERT_EQ(reading.landmarks.size(), 3);
  EXPECT_EQ(reading.landmarks[0].kind, "condition_average");
  EXPECT_EQ(reading.landmarks[2].kind, "split_half");
  // The second run decoded last at .5: (.74 + .72) / 2.
  EXPECT_EQ(reading.statement,
            "0.60 CKA on this dataset: optimised noise at this score captures "
            "PC 1 of 2 (30 % of variance), decodes context at 0.73 where the "
            "recording gives 0.89; above the condition average (0.55)");
}

TEST(CalibrationTest, BeyondTheRunsTheReadingIsOfTheirEnd) {
  const MeasureCalibration calibration = *Calibrate(TwoRuns(), 11);

  const CalibrationReading above = ReadCalibration(calibration, 1.2, "CKA");
  const CalibrationReading passed = ReadCalibration(calibration, 0.95, "CKA");

  EXPECT_TRUE(above.beyond_range);
  EXPECT_FALSE(above.steps.has_value());
  EXPECT_THAT(above.components_captured, ElementsAre(1, 2));
  EXPECT_THAT(above.statement, HasSubstr("at the nearest score it reached"));
  // One of two runs never got to .95.
  EXPECT_FALSE(passed.beyond_range);
  EXPECT_FALSE(passed.steps.has_value());
}

TEST(CalibrationTest, DistancesAreReadDownwards) {
  CalibrationInput input = TwoRuns();
  input.orientation = Orientation::kDistance;
  for (CalibrationTrace& trace : input.traces) {
    for (CalibrationTrace::Point& point : trace.points) {
      point.score = 1.0 - point.score;
    }
  }

  const MeasureCalibration calibration = *Calibrate(input, 11);

  EXPECT_NEAR(calibration.points.front().score, 1.0, 1e-15);
  EXPECT_NEAR(calibration.points.back().score, 0.0, 1e-15);
  EXPECT_NEAR(*ReadCalibration(calibration, 0.4, "angle").steps, 12.0, 1e-9);
}

TEST(CalibrationTest, TracesOfOtherComponentsAreRefused) {
  CalibrationInput input = TwoRuns();
  input.traces[1].points[3].component_r2.pop_back();

  const absl::Status status = Calibrate(input).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("traces[1]"));
}

}  // namespace
}  // namespace repscore
