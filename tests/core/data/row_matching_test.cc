#include "core/data/row_matching.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace repscore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
HostArray Array(DataType type,
                std::vector<int64_t> shape,
                const std::vector<T>& values) {
  HostArray array = {.spec = {.type = type, .shape = std::move(shape)},
                     .data = std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

std::vector<double> Values(const ArraySpec& spec,
                           absl::Span<const std::byte> data) {
  std::vector<double> values(
      static_cast<size_t>(RowCount(spec) * FeatureCount(spec)));
  ConvertToDouble(spec.type, data, absl::MakeSpan(values));
  return values;
}

std::shared_ptr<Dataset> Recording(HostArray rows,
                                   std::vector<std::string> ids) {
  auto dataset = std::make_shared<Dataset>();
  dataset->name = "datasets/d/versions/2";
  dataset->version = 2;
  dataset->digest = "abc";
  dataset->description.spec = rows.spec;
  dataset->description.row_ids = std::move(ids);
  dataset->data = std::move(rows.data);
  EXPECT_TRUE(Normalize(dataset->description).ok());
  return dataset;
}

TEST(RowIdsTest, ArePartOfTheDescription) {
  DatasetDescription description;
  description.spec = {.type = DataType::kFloat64, .shape = {2, 3, 4}};
  const DatasetDescription without = description;
  description.row_ids = {"a", "b"};
  EXPECT_THAT(std::string(Normalize(description).message()),
              HasSubstr("row_ids: 2 values for 3 conditions"));
  description.row_ids = {"a", "b", std::string("c\0", 2)};
  EXPECT_THAT(std::string(Normalize(description).message()),
              HasSubstr("row_ids[2]: must be UTF-8 without NUL"));
  description.row_ids = {"a", "b", "a"};
  EXPECT_TRUE(Normalize(description).ok());
  DatasetDescription plain = without;
  ASSERT_TRUE(Normalize(plain).ok());
  const std::string digest = ContentDigest(plain, "data");
  EXPECT_NE(ContentDigest(description, "data"), digest);
  DatasetDescription other = description;
  other.row_ids = {"a", "ba", ""};
  EXPECT_NE(ContentDigest(description, "data"), ContentDigest(other, "data"));
}

TEST(RowIdsTest, DigestsOfDatasetsWithoutThemStay) {
  DatasetDescription description;
  description.spec = {.type = DataType::kFloat64, .shape = {2, 2}};
  ASSERT_TRUE(Normalize(description).ok());
  EXPECT_EQ(ContentDigest(description, "data"),
            "69be173fca04dff3c9e10f3c2c5230135ff22bb21d03ac67f537d195c803c851");
}

TEST(AverageRepetitionsTest, IsTheDatasetItselfWithoutRepetitions) {
  const auto rows = Array<double>(DataType::kFloat64, {2, 1}, {1, 2});
  for (const std::vector<std::string>& ids :
       {std::vector<std::string>{}, std::vector<std::string>{"b", "a"}}) {
    const std::shared_ptr<const Dataset> dataset = Recording(rows, ids);
    EXPECT_EQ(*AverageRepetitions(dataset), dataset);
  }
}

TEST(AverageRepetitionsTest, AveragesConditionsInEveryTimeBin) {
  // [2 times x 3 conditions x 2]
  auto dataset =
      Recording(Array<int16_t>(DataType::kInt16,
                               {2, 3, 2},
                               {1, 2, 3, 4, 5, 8, 10, 20, 30, 40, 50, 80}),
                {"x", "y", "x"});
  dataset->description.labels = {{"kind", {"first", "second", "third"}}};
  dataset->description.groups = {{"session", {"1", "2", "3"}}};
  dataset->description.axes[1].coordinates = {7, 8, 9};
  const absl::StatusOr<std::shared_ptr<const Dataset>> averaged =
      AverageRepetitions(dataset);
  ASSERT_TRUE(averaged.ok()) << averaged.status();
  const Dataset& out = **averaged;
  EXPECT_EQ(out.description.spec,
            (ArraySpec{.type = DataType::kFloat64, .shape = {2, 2, 2}}));
  EXPECT_THAT(Values(out.description.spec, out.data),
              ElementsAre(3, 5, 3, 4, 30, 50, 30, 40));
  EXPECT_THAT(out.description.row_ids, ElementsAre("x", "y"));
  EXPECT_THAT(out.description.labels[0].values, ElementsAre("first", "second"));
  EXPECT_THAT(out.description.groups[0].values, ElementsAre("1", "2"));
  EXPECT_THAT(out.description.axes[1].coordinates, ElementsAre(7, 8));
  EXPECT_EQ(out.conditions(), 2);
  EXPECT_EQ(out.repetitions, dataset);
  EXPECT_EQ(out.name, dataset->name);
  EXPECT_EQ(out.digest, "abc");
  DatasetDescription again = out.description;
  EXPECT_TRUE(Normalize(again).ok());
}

TEST(MatchRowsTest, ReordersInTheTypeThatCame) {
  const auto dataset = Recording(
      Array<double>(DataType::kFloat64, {3, 1}, {0, 0, 0}), {"a", "b", "c"});
  const absl::StatusOr<HostArray> matched =
      MatchRows(*dataset,
                Array<float>(DataType::kFloat32, {3, 2}, {1, 2, 3, 4, 5, 6}),
                {"c", "a", "b"},
                "candidate.row_ids");
  ASSERT_TRUE(matched.ok()) << matched.status();
  EXPECT_EQ(matched->spec.type, DataType::kFloat32);
  EXPECT_THAT(Values(matched->spec, matched->data),
              ElementsAre(3, 4, 5, 6, 1, 2));
}

TEST(MatchRowsTest, AveragesEqualIdsAndTakesRankOneAndThree) {
  const auto dataset =
      Recording(Array<double>(DataType::kFloat64, {2, 1}, {0, 0}), {"a", "b"});
  const absl::StatusOr<HostArray> flat =
      MatchRows(*dataset,
                Array<float>(DataType::kFloat32, {3}, {4, 1, 3}),
                {"b", "a", "a"},
                "ids");
  ASSERT_TRUE(flat.ok()) << flat.status();
  EXPECT_EQ(flat->spec.type, DataType::kFloat64);
  EXPECT_THAT(Values(flat->spec, flat->data), ElementsAre(2, 4));
  const auto timed = Recording(
      Array<double>(DataType::kFloat64, {2, 2, 1}, {0, 0, 0, 0}), {"a", "b"});
  const absl::StatusOr<HostArray> cube =
      MatchRows(*timed,
                Array<double>(DataType::kFloat64, {2, 2, 1}, {1, 2, 3, 4}),
                {"b", "a"},
                "ids");
  ASSERT_TRUE(cube.ok()) << cube.status();
  EXPECT_THAT(Values(cube->spec, cube->data), ElementsAre(2, 1, 4, 3));
}

TEST(MatchRowsTest, SaysWhatIsWrong) {
  const auto rows = Array<double>(DataType::kFloat64, {3, 1}, {0, 0, 0});
  const auto message = [&rows](const Dataset& dataset,
                               const std::vector<std::string>& ids) {
    return std::string(
        MatchRows(dataset, rows, ids, "candidate.row_ids").status().message());
  };
  const auto without = Recording(rows, {});
  EXPECT_THAT(message(*without, {"a", "b", "c"}),
              HasSubstr("candidate.row_ids: datasets/d/versions/2 has no row"));
  const auto dataset = Recording(rows, {"a", "b", "c"});
  EXPECT_THAT(message(*dataset, {"a", "b"}),
              HasSubstr("2 ids for 3 conditions"));
  EXPECT_THAT(message(*dataset, {"a", "b", "z"}),
              HasSubstr("lacks 1 id ('c') of datasets/d/versions/2; has 1 id "
                        "('z') that"));
  EXPECT_THAT(message(*dataset, {"a", "a", "a"}),
              HasSubstr("lacks 2 ids ('b', 'c')"));
  const auto timed = Recording(
      Array<double>(DataType::kFloat64, {2, 3, 1}, {0, 0, 0, 0, 0, 0}),
      {"a", "b", "c"});
  EXPECT_THAT(message(*timed, {"a", "b", "c"}),
              HasSubstr("must have the 2 time bins"));
}

}  // namespace
}  // namespace repscore
