#include "core/measures/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace repscore {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::shared_ptr<const Measure>> Create(const std::string& id) {
  return CreateMeasure({.id = id, .explicit_folds = {}}, "measures[2]");
}

std::string CanonicalOf(const std::string& id) {
  const absl::StatusOr<std::shared_ptr<const Measure>> measure = Create(id);
  EXPECT_TRUE(measure.ok()) << measure.status();
  return measure.ok() ? (*measure)->id() : "";
}

TEST(RegistryTest, EveryMeasureAndAliasIsMadeAndUnique) {
  std::set<std::string> names;
  for (const MeasureInfo& info : RegisteredMeasures()) {
    EXPECT_TRUE(names.insert(std::string(info.id)).second);
    EXPECT_TRUE(Create(std::string(info.id)).ok()) << info.id;
    for (const std::string_view alias : info.aliases) {
      EXPECT_TRUE(names.insert(std::string(alias)).second) << alias;
      EXPECT_EQ(CanonicalOf(std::string(alias)), DefaultSpecification(info));
    }
    EXPECT_LT(info.lowest, info.highest);
    EXPECT_FALSE(info.summary.empty() || info.source.empty());
    EXPECT_TRUE(std::is_sorted(
        info.parameters.begin(),
        info.parameters.end(),
        [](const auto& a, const auto& b) { return a.name < b.name; }));
  }
}

TEST(RegistryTest, ShorthandExpandsToTheFullSpecification) {
  EXPECT_EQ(CanonicalOf("cka"), "cka");
  EXPECT_EQ(CanonicalOf("ridge_r2"),
            "ridge_r2(aggregation=variance_weighted,denominator=train_mean,"
            "direction=candidate_to_reference,folds=rows_contiguous(5),"
            "lambda=100,lambda_scale=raw,per_target=no,pooling=mean_of_folds,"
            "selection=fixed)");
}

TEST(RegistryTest, EqualMeaningGivesEqualText) {
  EXPECT_EQ(CanonicalOf("ridge_r2(lambda=1e2, folds=rows_shuffled(k=5))"),
            CanonicalOf("ridge_r2(folds=rows_shuffled(5,0),lambda=100.0)@1"));
  EXPECT_EQ(CanonicalOf(CanonicalOf("linear_r2")), CanonicalOf("linear_r2"));
}

TEST(RegistryTest, UnknownMeasuresAreNotFoundAndTheListIsGiven) {
  const absl::Status status = Create("ckaa").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("measures[2].id: "));
  EXPECT_THAT(std::string(status.message()), HasSubstr("cka.debiased"));
}

struct BadSpecification {
  std::string text;
  std::string part_of_message;
};

class BadSpecificationTest : public ::testing::TestWithParam<BadSpecification> {
};

TEST_P(BadSpecificationTest, IsInvalidAndSaysWhy) {
  const absl::Status status = Create(GetParam().text).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(status.message().find("measures[2].id: "), 0) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(GetParam().part_of_message));
}

INSTANTIATE_TEST_SUITE_P(
    Texts,
    BadSpecificationTest,
    ::testing::Values(
        BadSpecification{"", "no measure specification"},
        BadSpecification{"CKA", "lower case"},
        BadSpecification{"cka(", "not closed"},
        BadSpecification{"ridge_r2(folds=rows_contiguous(5)", "balance"},
        BadSpecification{"ridge_r2(lambda)", "parameter=value"},
        BadSpecification{"ridge_r2(lambda=)", "no value"},
        BadSpecification{"ridge_r2(lambda=1,lambda=2)", "twice"},
        BadSpecification{"ridge_r2(lambda=-1)", "outside"},
        BadSpecification{"ridge_r2(lambda=nan)", "finite"},
        BadSpecification{"ridge_r2(lambda=1x)", "finite number"},
        BadSpecification{"ridge_r2(alpha=1)", "no parameter alpha"},
        BadSpecification{"cka(lambda=1)", "it takes none"},
        BadSpecification{"ridge_r2(pooling=median)", "none of"},
        BadSpecification{"ridge_r2(folds=halves)", "folds"},
        BadSpecification{"ridge_r2(folds=explicit)", "explicit_folds"},
        BadSpecification{"cka@2", "version"},
        BadSpecification{std::string(5000, 'a'), "5000 characters"},
        BadSpecification{std::string("cka\0", 4), "lower case"}),
    [](const auto& parameter) {
      return "Text" + std::to_string(parameter.index);
    });

TEST(RegistryTest, ExplicitFoldsNeedAMeasureThatTakesThem) {
  const absl::Status status =
      CreateMeasure({.id = "cka", .explicit_folds = {{0}, {1}}}, "measure")
          .status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no folds"));
}

}  // namespace
}  // namespace repscore
