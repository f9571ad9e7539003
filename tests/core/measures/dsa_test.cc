// Dynamical similarity analysis: values of an independent search on the golden
// pair, and known dynamics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// A search by another program, stopped at its own tolerance.
constexpr double kSearchTolerance = 1e-6;
// Eigenvalues of operators that are not normal.
constexpr double kEigenvalueTolerance = 1e-9;
// Linear in the gradient at which the search stops.
constexpr double kAligned = 1e-6;

Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

/// Rows [times x 2] of x_{t+1} = decay * turn(angle) x_t.
Table Spiral(int64_t times, double angle, double decay) {
  Table table = {times, 2, {}};
  for (int64_t t = 0; t < times; ++t) {
    const double radius = std::pow(decay, static_cast<double>(t));
    const double phase = angle * static_cast<double>(t);
    table.values.push_back(radius * std::cos(phase));
    table.values.push_back(radius * std::sin(phase));
  }
  return table;
}

TEST(DsaTest, MatchesAnIndependentSearchOnTheGoldenPair) {
  const struct {
    const char* id;
    int64_t conditions;
    double value;
  } golden[] = {{"dsa(rank=2)", 1, 1.3958929524145811},
                {"dsa(rank=2)", 2, 0.7743549735357371},
                {"dsa(form=euclidean,rank=2)", 1, 0.9520391425308622},
                {"dsa(form=euclidean,rank=2)", 2, 0.5869769195713951},
                {"dsa(rank=3)", 1, 0.9657444822324022},
                {"dsa(rank=3)", 2, 0.6009077415154149},
                {"dsa(form=euclidean,rank=3)", 1, 1.0381500374036636},
                {"dsa(form=euclidean,rank=3)", 2, 0.6765403648986579},
                {"dsa(centring=none,delays=2,interval=3,lambda=0.2,rank=3)",
                 2,
                 0.2822990382226296}};
  for (const auto& [id, conditions, value] : golden) {
    EXPECT_NEAR(MustEvaluate(id, BToA(), {.conditions = conditions}).value,
                value,
                kSearchTolerance)
        << id << ", " << conditions;
  }
}

TEST(DsaTest, TransportMatchesAnotherProgramOnTheGoldenPair) {
  // NumPy's eigenvalues, matched by SciPy's linear_sum_assignment.
  const struct {
    const char* id;
    int64_t conditions;
    double value;
  } golden[] = {
      {"dsa(form=transport,rank=3)", 1, 0.562680448636378},
      {"dsa(form=transport,rank=6)", 1, 0.3672281396219406},
      {"dsa(form=transport,rank=5)", 2, 0.2928658484414371},
      {"dsa(form=transport_squared,rank=3)", 1, 1.1382315084238548},
      {"dsa(form=transport_squared,rank=5)", 2, 0.4550653358782617},
      {"dsa(centring=none,delays=2,form=transport_squared,interval=3,lambda=0.2"
       ",rank=4)",
       2,
       0.00989713113814487}};
  for (const auto& [id, conditions, value] : golden) {
    EXPECT_NEAR(MustEvaluate(id, BToA(), {.conditions = conditions}).value,
                value,
                kEigenvalueTolerance)
        << id << ", " << conditions;
  }
}

TEST(DsaTest, EigenvaluesOfRotationsAreApartByTheChordOfTheirAngles) {
  // Both eigenvalues lie on the unit circle, at plus and minus the step.
  constexpr double kFast = 0.9;
  constexpr double kSlow = 0.4;
  const Pair pair = {.candidate = Spiral(80, kFast, 1.0),
                     .reference = Spiral(80, -kSlow, 1.0)};
  const double chord = 2.0 * std::sin(0.5 * (kFast - kSlow));

  EXPECT_NEAR(
      MustEvaluate("dsa(centring=none,delays=1,form=transport,rank=2)", pair)
          .value,
      chord,
      kEigenvalueTolerance);
  EXPECT_NEAR(
      MustEvaluate("dsa(centring=none,delays=1,form=transport_squared,rank=2)",
                   pair)
          .value,
      2.0 * chord * chord,
      kEigenvalueTolerance);
}

TEST(DsaTest, RotationsOfDifferentSpeedAreApartByTheirAngles) {
  // Of undamped circles, A is a rotation by the step; C A C' of the other is
  // one by +- its step. cos of the angle is cos(difference of steps).
  const Pair pair = {.candidate = Spiral(80, std::numbers::pi / 4.0, 1.0),
                     .reference = Spiral(80, std::numbers::pi / 10.0, 1.0)};

  EXPECT_NEAR(MustEvaluate("dsa(centring=none,delays=1,rank=2)", pair).value,
              std::numbers::pi / 4.0 - std::numbers::pi / 10.0,
              kAligned);
}

TEST(DsaTest, ReversedRotationsAreEqualByAReflection) {
  const Pair pair = {.candidate = Spiral(60, 0.3, 0.98),
                     .reference = Spiral(60, -0.3, 0.98)};

  EXPECT_NEAR(MustEvaluate("dsa(rank=2)", pair).value, 0.0, kAligned);
}

TEST(DsaTest, GeometryAndDynamicsAreDifferentThings) {
  // The same speeds seen through another linear map: equal dynamics though the
  // shapes differ; other speeds on the same circle: the opposite.
  const Table slow = Spiral(80, 0.2, 1.0);
  const Pair stretched = {.candidate = Product(slow, {2, 2, {3, 0, 1, 1}}),
                          .reference = slow};
  const Pair faster = {.candidate = Spiral(80, 0.9, 1.0), .reference = slow};

  EXPECT_LT(MustEvaluate("dsa(centring=none,delays=1,rank=2)", stretched).value,
            kAligned);
  EXPECT_GT(MustEvaluate("dsa(centring=none,delays=1,rank=2)", faster).value,
            0.5);
}

TEST(DsaTest, WithoutATimeAxisThereIsAClearError) {
  const Pair pair = MixedPair(20, 3, 3, 1);

  const absl::Status status =
      Evaluate(*MustCreate("dsa"), pair, {.conditions = 20}).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no time axis"));
}

TEST(DsaTest, DelaysThatDoNotFitAreAnError) {
  const Pair pair = MixedPair(20, 3, 3, 1);

  const absl::Status status =
      Evaluate(*MustCreate("dsa(delays=6)"), pair, {.conditions = 4}).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("time axis has 5 bins, but at least 7"));
}

TEST(DsaTest, ConditionsAreSeparateTrajectories) {
  // Two conditions of a circle, interleaved in time-major rows; any mixture of
  // them would not turn by one angle.
  const auto interleaved = [](double angle) {
    const Table circle = Spiral(80, angle, 1.0);
    Table rows = {80, 2, {}};
    for (int64_t t = 0; t < 40; ++t) {
      for (const int64_t from : {t, t + 40}) {
        rows.values.push_back(circle.at(from, 0));
        rows.values.push_back(circle.at(from, 1));
      }
    }
    return rows;
  };
  const Pair pair = {.candidate = interleaved(std::numbers::pi / 4.0),
                     .reference = interleaved(std::numbers::pi / 10.0)};

  EXPECT_NEAR(MustEvaluate(
                  "dsa(centring=none,delays=1,rank=2)", pair, {.conditions = 2})
                  .value,
              std::numbers::pi / 4.0 - std::numbers::pi / 10.0,
              kAligned);
}

}  // namespace
}  // namespace repscore::testing
