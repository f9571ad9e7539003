#include "core/analysis/pairwise.h"

#include <cmath>

#include "core/base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/problem.h"

namespace repscore {
namespace {

using ::testing::HasSubstr;
using testing::MustCreate;
using testing::Normals;
using testing::StreamedScore;
using testing::Table;
using testing::TestBackend;
using testing::ToHostArray;

using Measures = std::vector<std::shared_ptr<const Measure>>;

/// Systems of several widths, both spaces, that share a part.
std::vector<Table> Tables(const std::vector<int64_t>& widths) {
  const Table shared = Normals(12, 3, 1);
  std::vector<Table> tables;
  for (size_t i = 0; i < widths.size(); ++i) {
    tables.push_back(
        testing::Sum(1.0,
                     testing::Product(shared, Normals(3, widths[i], 10 + i)),
                     0.7,
                     Normals(12, widths[i], 20 + i)));
  }
  return tables;
}

std::vector<System> SystemsOf(const std::vector<Table>& tables) {
  std::vector<System> systems;
  systems.reserve(tables.size());
  for (const Table& table : tables) {
    systems.push_back({.name = "s", .rows = ToHostArray(table)});
  }
  return systems;
}

Measures Some() {
  return {MustCreate("cka"),
          MustCreate("cka.debiased"),
          MustCreate("procrustes.angle")};
}

std::vector<PairwiseMatrix> Must(
    const std::vector<System>& systems,
    const Measures& measures,
    int64_t known_systems = 0,
    const std::vector<PairwiseMatrix>& known = {},
    const std::function<absl::Status(int64_t, int64_t)>& progress = {}) {
  auto matrices = ComparePairwise(
      TestBackend(), systems, measures, known_systems, known, progress);
  EXPECT_TRUE(matrices.ok()) << matrices.status();
  return matrices.ok() ? *std::move(matrices) : std::vector<PairwiseMatrix>{};
}

TEST(PairwiseTest, EveryPairIsTheScoreOfAClient) {
  const std::vector<Table> tables = Tables({4, 20, 7, 12});
  const Measures measures = Some();
  const std::vector<PairwiseMatrix> matrices =
      Must(SystemsOf(tables), measures);
  ASSERT_EQ(matrices.size(), 3U);
  for (size_t m = 0; m < 3; ++m) {
    EXPECT_EQ(matrices[m].measure, measures[m]->id());
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = 0; j < 4; ++j) {
        const absl::StatusOr<double> alone =
            StreamedScore(measures[m]->id(),
                          {.candidate = tables[i], .reference = tables[j]});
        ASSERT_TRUE(alone.ok()) << alone.status();
        EXPECT_NEAR(matrices[m].values[4 * i + j], *alone, 1e-12)
            << measures[m]->id() << " " << i << " " << j;
        EXPECT_EQ(matrices[m].values[4 * i + j], matrices[m].values[4 * j + i]);
      }
    }
  }
}

TEST(PairwiseTest, ANewSystemCostsOnlyItsOwnPairs) {
  const std::vector<System> systems = SystemsOf(Tables({4, 20, 7, 12}));
  const Measures measures = Some();
  const std::vector<PairwiseMatrix> all = Must(systems, measures);
  std::vector<PairwiseMatrix> known =
      Must({systems.begin(), systems.begin() + 3}, measures);
  known[0].values[1] = known[0].values[3] = 42.0;
  std::vector<std::pair<int64_t, int64_t>> calls;
  const std::vector<PairwiseMatrix> grown =
      Must(systems, measures, 3, known, [&calls](int64_t done, int64_t total) {
        calls.emplace_back(done, total);
        return absl::OkStatus();
      });
  ASSERT_EQ(calls.size(), 4U);
  EXPECT_EQ(calls.back(), (std::pair<int64_t, int64_t>(4, 4)));
  EXPECT_EQ(grown[0].values[1], 42.0);
  EXPECT_EQ(grown[1].values, all[1].values);
  EXPECT_EQ(grown[2].values, all[2].values);
}

TEST(PairwiseTest, StopsWhenToldTo) {
  const auto stopped = ComparePairwise(
      TestBackend(),
      SystemsOf(Tables({4, 5, 6})),
      Some(),
      0,
      {},
      [](int64_t done, int64_t /*total*/) {
        return done < 2 ? absl::OkStatus() : absl::CancelledError("enough");
      });
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
}

TEST(PairwiseTest, NamesWhatDoesNotFit) {
  const auto message = [](const std::vector<System>& systems,
                          const Measures& measures,
                          int64_t known_systems = 0,
                          const std::vector<PairwiseMatrix>& known = {}) {
    const absl::Status status =
        ComparePairwise(
            TestBackend(), systems, measures, known_systems, known, {})
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return StrCat(status.message());
  };
  std::vector<System> systems = SystemsOf(Tables({4, 5}));
  EXPECT_THAT(message({}, Some()), HasSubstr("systems: there are none"));
  EXPECT_THAT(message(systems, {}), HasSubstr("measures: there are none"));
  EXPECT_THAT(message(systems, {MustCreate("cka"), MustCreate("linear_r2")}),
              HasSubstr("measures[1]: linear_r2"));
  EXPECT_THAT(message(systems, Some(), 3), HasSubstr("known_systems: 3 of 2"));
  EXPECT_THAT(message(systems, Some(), 1, {}), HasSubstr("known: 0 matrices"));
  EXPECT_THAT(message(systems, {MustCreate("cka")}, 1, {{"other", {1.0}}}),
              HasSubstr("known[0]: is of other"));
  systems[1].rows = ToHostArray(Normals(11, 3, 1));
  EXPECT_THAT(message(systems, Some()),
              HasSubstr("systems[1]: has 11 rows, but systems[0] has 12"));
  Table flat = Normals(12, 3, 1);
  flat.values.assign(36, 0.1);
  systems[1].rows = ToHostArray(flat);
  EXPECT_THAT(message(systems, Some()),
              HasSubstr("systems[1]: has no variance"));
  flat.values[4] = std::nan("");
  systems[1].rows = ToHostArray(flat);
  EXPECT_THAT(message(systems, Some()),
              HasSubstr("systems[1]: entry at row 1"));
}

}  // namespace
}  // namespace repscore
