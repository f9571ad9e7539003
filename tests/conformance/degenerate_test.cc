// Input that has no score, or only just: a clear status, never a NaN.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/analysis/score_stream.h"
#include "tests/conformance/cases.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

class DegenerateTest : public ::testing::TestWithParam<std::string> {
 protected:
  absl::Status Failure(const Table& candidate, const Table& reference) const {
    return StreamedScore(GetParam(),
                         {.candidate = candidate, .reference = reference})
        .status();
  }
  void ExpectInvalid(const absl::Status& status, const std::string& text) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }
};

TEST_P(DegenerateTest, ConstantSidesHaveNoScore) {
  if (!IsDefined(GetParam(), {20, 4, 4})) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Table good = Normals(20, 4, 1);
  Table constant = {20, 4, std::vector<double>(80, 0.1)};
  Table nearly = constant;
  for (size_t i = 0; i < nearly.values.size(); i += 3) {
    nearly.values[i] += 1e-17;
  }
  const Table zero = {20, 4, std::vector<double>(80, 0.0)};

  for (const Table& bad : {constant, nearly, zero}) {
    ExpectInvalid(Failure(bad, good), "candidate: has no variance");
    ExpectInvalid(Failure(good, bad), "has no variance");
  }
}

TEST_P(DegenerateTest, NonFiniteEntriesAreLocated) {
  if (!IsDefined(GetParam(), {20, 4, 4})) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Table good = Normals(20, 4, 1);
  for (const double value : {std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
    Table bad = good;
    bad.at(11, 2) = value;
    ExpectInvalid(Failure(bad, good), "row 11, column 2");
    ExpectInvalid(Failure(good, bad), "row 11, column 2");
  }
}

TEST_P(DegenerateTest, RowCountsThatDifferAreBothNamed) {
  const absl::Status status = Failure(Normals(19, 4, 1), Normals(20, 4, 2));

  ExpectInvalid(status, "19");
  ExpectInvalid(status, "20");
}

TEST_P(DegenerateTest, OneRowHasNoScore) {
  ExpectInvalid(Failure(Normals(1, 4, 1), Normals(1, 4, 2)), "1 row");
}

TEST_P(DegenerateTest, FewRowsGiveAValueOrAStatus) {
  for (int64_t n = 2; n <= 8; ++n) {
    const absl::StatusOr<double> value = StreamedScore(
        GetParam(),
        {.candidate = Normals(n, 3, 3), .reference = Normals(n, 2, 4)});
    if (value.ok()) {
      EXPECT_TRUE(std::isfinite(*value)) << n;
    } else {
      EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument)
          << n << value.status();
    }
  }
}

TEST_P(DegenerateTest, AwkwardRowsAndColumnsGiveFiniteValues) {
  const Shape shape = ShapeFor(MustCreate(GetParam())->info(), {20, 4, 5});
  if (!IsDefined(GetParam(), shape)) {
    GTEST_SKIP() << "not defined at these sizes";
  }
  const Table reference = Normals(20, shape.q, 5);
  Table constant_column = Normals(20, 4, 6);
  Table repeated_row = constant_column;
  Table half_distinct = constant_column;
  Table tiny = constant_column;
  Table scales = constant_column;
  for (int64_t j = 0; j < 4; ++j) {
    repeated_row.at(7, j) = repeated_row.at(3, j);
    for (int64_t i = 0; i < 20; ++i) {
      half_distinct.at(i, j) = half_distinct.at(i - i % 2, j);
      scales.at(i, j) *= std::pow(10.0, 2.0 * static_cast<double>(j) - 3.0);
    }
    tiny.at(0, j) = std::numeric_limits<double>::denorm_min();
    tiny.at(1, j) = -0.0;
  }
  const bool accepts_zero_rows =
      MustCreate(GetParam())->info().accepts_zero_rows;
  if (!accepts_zero_rows) {
    ExpectInvalid(Failure(tiny, reference), "candidate: row 0 ");
    ExpectInvalid(Failure(reference, tiny), "reference: row 0 ");
    tiny = constant_column;
  }
  for (int64_t i = 0; i < 20; ++i) {
    constant_column.at(i, 1) = 3.0;
  }
  for (const Table& candidate :
       {constant_column, repeated_row, half_distinct, tiny, scales}) {
    const absl::StatusOr<double> value = StreamedScore(
        GetParam(), {.candidate = candidate, .reference = reference});
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_TRUE(std::isfinite(*value));
  }
}

INSTANTIATE_TEST_SUITE_P(Registered,
                         DegenerateTest,
                         ::testing::ValuesIn(Specifications()),
                         [](const auto& parameter) {
                           return "Measure" + std::to_string(parameter.index);
                         });

TEST(DegenerateDebiasedTest, NeedsFourRows) {
  const absl::Status three = StreamedScore("cka.debiased",
                                           {.candidate = Normals(3, 2, 1),
                                            .reference = Normals(3, 2, 2)})
                                 .status();
  const absl::StatusOr<double> four = StreamedScore(
      "cka.debiased",
      {.candidate = Normals(4, 2, 1), .reference = Normals(4, 2, 2)});

  EXPECT_THAT(std::string(three.message()), HasSubstr("at least 4 rows"));
  EXPECT_TRUE(four.ok()) << four.status();
}

TEST(DegenerateCkaTest, MoreFeaturesThanRowsIsAWarning) {
  const auto warnings = [](int64_t p, int64_t q) {
    return MustEvaluate(
               "cka",
               {.candidate = Normals(10, p, 1), .reference = Normals(10, q, 2)})
        .warnings.size();
  };

  EXPECT_EQ(warnings(5, 5), 0);
  EXPECT_EQ(warnings(20, 5), 1);
  EXPECT_EQ(warnings(5, 20), 1);
}

TEST(DegenerateLinearTest, SaturationIsAWarning) {
  const Outcome outcome = MustEvaluate(
      "linear_r2",
      {.candidate = Normals(10, 20, 1), .reference = Normals(10, 3, 2)});

  EXPECT_NEAR(outcome.value, 1.0, 1e-12);
  ASSERT_EQ(outcome.warnings.size(), 1);
  EXPECT_EQ(outcome.warnings[0].reason, "SATURATED");
}

TEST(DegenerateLinearTest, LowRankCandidateGivesTheExactProjection) {
  // One direction repeated in five columns: R2 is its squared correlation.
  const Table direction = Centred(Normals(25, 1, 3));
  const Table reference = Centred(Normals(25, 1, 4));
  const Table candidate = Product(direction, Normals(1, 5, 5));
  const double r =
      Dot(direction, reference) / Norm(direction) / Norm(reference);

  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate("linear_r2",
                             {.candidate = candidate, .reference = reference},
                             {.space = space})
                    .value,
                r * r,
                1e-12);
  }
}

TEST(DegenerateFoldsTest, ConstantValidationTargetsProposePooling) {
  Table reference = Normals(20, 2, 6);
  for (int64_t i = 0; i < 4; ++i) {
    reference.at(i, 0) = 1.0;
    reference.at(i, 1) = 2.0;
  }
  const Table candidate = Normals(20, 3, 7);
  const absl::Status status =
      StreamedScore("ridge_r2(denominator=validation_mean)",
                    {.candidate = candidate, .reference = reference})
          .status();
  const absl::StatusOr<double> pooled =
      StreamedScore("ridge_r2(denominator=validation_mean,pooling=pooled)",
                    {.candidate = candidate, .reference = reference});

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pooling=pooled"));
  EXPECT_TRUE(pooled.ok()) << pooled.status();
}

}  // namespace
}  // namespace repscore::testing
