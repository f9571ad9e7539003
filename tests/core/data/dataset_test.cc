#include "core/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace repscore {
namespace {

using ::testing::HasSubstr;

DatasetDescription Recording() {
  DatasetDescription description;
  description.spec = {DataType::kFloat32, {4, 2, 3}};
  description.labels = {{"target", {"left", "right"}}};
  description.groups = {{"session", {"1", "1"}}};
  return description;
}

TEST(NormalizeTest, FillsInDefaultAxesOfARecording) {
  DatasetDescription description = Recording();

  const absl::Status status = Normalize(description);

  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(description.axes.size(), 3U);
  EXPECT_EQ(description.axes[0].kind, AxisKind::kTime);
  EXPECT_EQ(description.axes[1].kind, AxisKind::kCondition);
  EXPECT_EQ(description.axes[2].kind, AxisKind::kFeature);
  EXPECT_EQ(description.axes[0].size, 4);
  EXPECT_EQ(description.axes[1].size, 2);
  EXPECT_EQ(description.axes[2].size, 3);
}

TEST(NormalizeTest, FillsInDefaultAxesOfAMatrix) {
  DatasetDescription description;
  description.spec = {DataType::kFloat64, {5, 7}};

  ASSERT_TRUE(Normalize(description).ok());

  ASSERT_EQ(description.axes.size(), 2U);
  EXPECT_EQ(description.axes[0].kind, AxisKind::kSample);
  EXPECT_EQ(description.axes[1].kind, AxisKind::kFeature);
}

TEST(NormalizeTest, MakesOneUnitAMatrixOfOneColumn) {
  DatasetDescription description;
  description.spec = {DataType::kFloat64, {5}};
  description.labels = {{"stimulus", {"a", "b", "c", "d", "e"}}};
  description.axes = {{.kind = AxisKind::kCondition, .size = 5}};

  const absl::Status status = Normalize(description);

  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(description.spec.shape, (std::vector<int64_t>{5, 1}));
  ASSERT_EQ(description.axes.size(), 2U);
  EXPECT_EQ(description.axes[0].kind, AxisKind::kCondition);
  EXPECT_EQ(description.axes[1].size, 1);
}

TEST(NormalizeTest, FillsInAxisSizesAndKeepsCoordinates) {
  DatasetDescription description = Recording();
  description.axes = {
      {.kind = AxisKind::kTime, .coordinates = {0, 10, 20, 30}, .unit = "ms"},
      {.kind = AxisKind::kCondition},
      {.kind = AxisKind::kFeature}};

  ASSERT_TRUE(Normalize(description).ok());

  EXPECT_EQ(description.axes[0].size, 4);
  EXPECT_EQ(description.axes[0].coordinates.size(), 4U);
}

TEST(NormalizeTest, ChangesNothingTheSecondTime) {
  DatasetDescription description = Recording();
  ASSERT_TRUE(Normalize(description).ok());
  const std::string digest = ContentDigest(description, "x");

  ASSERT_TRUE(Normalize(description).ok());

  EXPECT_EQ(ContentDigest(description, "x"), digest);
}

struct Refusal {
  std::string name;
  std::function<void(DatasetDescription&)> spoil;
  std::string field;
};

class NormalizeRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(NormalizeRefusalTest, NamesTheField) {
  DatasetDescription description = Recording();
  ASSERT_TRUE(Normalize(description).ok());
  GetParam().spoil(description);

  const absl::Status status = Normalize(description);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    Fields,
    NormalizeRefusalTest,
    ::testing::Values(
        Refusal{"Rank", [](auto& d) { d.spec.shape = {}; }, "spec.shape"},
        Refusal{
            "Dimension", [](auto& d) { d.spec.shape[1] = 0; }, "spec.shape[1]"},
        Refusal{"AxisCount", [](auto& d) { d.axes.pop_back(); }, "axes: 2"},
        Refusal{"AxisSize",
                [](auto& d) { d.axes[0].size = 5; },
                "axes[0].size: 5 differs from spec.shape[0] = 4"},
        Refusal{"LastKind",
                [](auto& d) { d.axes[2].kind = AxisKind::kSample; },
                "axes[2].kind"},
        Refusal{"FirstKind",
                [](auto& d) { d.axes[0].kind = AxisKind::kCondition; },
                "axes[0].kind"},
        Refusal{"MiddleKind",
                [](auto& d) { d.axes[1].kind = AxisKind::kFeature; },
                "axes[1].kind"},
        Refusal{"CoordinateCount",
                [](auto& d) { d.axes[0].coordinates = {1.0}; },
                "axes[0].coordinates"},
        Refusal{"CoordinateValue",
                [](auto& d) {
                  d.axes[1].coordinates = {1.0, std::nan("")};
                },
                "axes[1].coordinates[1]"},
        Refusal{"UnitText",
                [](auto& d) { d.axes[0].unit = "\xC0\x80"; },
                "axes[0].unit"},
        Refusal{"LabelCount",
                [](auto& d) { d.labels[0].values.pop_back(); },
                "labels[0].values: 1"},
        Refusal{"LabelName",
                [](auto& d) { d.labels[0].name = ""; },
                "labels[0].name"},
        Refusal{"LabelTwice",
                [](auto& d) { d.labels.push_back(d.labels[0]); },
                "labels[1].name"},
        Refusal{"LabelText",
                [](auto& d) { d.labels[0].values[1] = "\xED\xA0\x80"; },
                "labels[0].values[1]"},
        Refusal{"GroupCount",
                [](auto& d) { d.groups[0].values.push_back("2"); },
                "groups[0].values: 3"},
        Refusal{"DisplayName",
                [](auto& d) { d.display_name = std::string("a\0b", 3); },
                "metadata.display_name"},
        Refusal{"Attribute",
                [](auto& d) { d.attributes["lab"] = "\xFF"; },
                "metadata.attributes[\"lab\"]"}),
    [](const auto& spec) { return spec.param.name; });

TEST(NormalizeTest, AcceptsTextBeyondAscii) {
  DatasetDescription description = Recording();
  description.display_name = "M1 \xC2\xB5V \xE2\x82\xAC \xF0\x9F\xA7\xA0";

  EXPECT_TRUE(Normalize(description).ok());
}

TEST(NormalizeTest, RefusesATimeAxisOfAMatrix) {
  DatasetDescription description;
  description.spec = {DataType::kFloat64, {5, 7}};
  description.axes = {{.kind = AxisKind::kTime}, {.kind = AxisKind::kFeature}};

  EXPECT_EQ(Normalize(description).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ContentDigestTest, DependsOnWhatScoresDependOn) {
  DatasetDescription description = Recording();
  ASSERT_TRUE(Normalize(description).ok());
  const std::string digest = ContentDigest(description, "x");
  EXPECT_EQ(digest.size(), 64U);

  EXPECT_NE(ContentDigest(description, "y"), digest);
  const std::vector<std::function<void(DatasetDescription&)>> changes = {
      [](auto& d) { d.spec.type = DataType::kInt32; },
      [](auto& d) {
        d.spec.shape = {2, 4, 3};
      },
      [](auto& d) {
        d.axes[0].coordinates = {0, 1, 2, 3};
      },
      [](auto& d) {
        d.labels[0].values = {"leftr", "ight"};
      },
      [](auto& d) {
        d.groups[0].values = {"1", "2"};
      },
      [](auto& d) { std::swap(d.groups, d.labels); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    DatasetDescription changed = description;
    changes[i](changed);

    EXPECT_NE(ContentDigest(changed, "x"), digest) << "change " << i;
  }
}

TEST(ContentDigestTest, IgnoresWhatTheOwnerSays) {
  DatasetDescription description = Recording();
  const std::string digest = ContentDigest(description, "x");

  description.display_name = "Motor cortex";
  description.attributes["lab"] = "somewhere";

  EXPECT_EQ(ContentDigest(description, "x"), digest);
}

TEST(DatasetTest, CountsRowsAndConditions) {
  Dataset recording;
  recording.description = Recording();
  Dataset matrix;
  matrix.description.spec = {DataType::kFloat64, {5, 7}};

  EXPECT_EQ(recording.rows(), 8);
  EXPECT_EQ(recording.conditions(), 2);
  EXPECT_EQ(recording.features(), 3);
  EXPECT_EQ(matrix.rows(), 5);
  EXPECT_EQ(matrix.conditions(), 5);
}

}  // namespace
}  // namespace repscore
