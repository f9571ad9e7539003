#include "core/statistics/moments.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "core/analysis/score_stream.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Two ways to the same sums, relative.
constexpr double kSame = 1e-12;

/// Rows [first, last) of `table` minus `shift`, transposed as Moments takes
/// them.
Matrix ShiftedColumns(const Table& table,
                      int64_t first,
                      int64_t last,
                      const std::vector<double>& shift) {
  std::vector<double> values;
  for (int64_t i = first; i < last; ++i) {
    for (int64_t j = 0; j < table.cols; ++j) {
      values.push_back(table.at(i, j) - shift[static_cast<size_t>(j)]);
    }
  }
  Matrix out = TestBackend().Allocate(table.cols, last - first, kDouble);
  TestBackend().Upload(values, out);
  return out;
}

Matrix ReferenceRows(const Table& table, int64_t first, int64_t last) {
  std::vector<double> values;
  for (int64_t j = 0; j < table.cols; ++j) {
    for (int64_t i = first; i < last; ++i) {
      values.push_back(table.at(i, j));
    }
  }
  Matrix out = TestBackend().Allocate(last - first, table.cols, kDouble);
  TestBackend().Upload(values, out);
  return out;
}

Moments MomentsOf(const Pair& pair,
                  int64_t first,
                  int64_t last,
                  const std::vector<double>& shift) {
  Moments moments(TestBackend(), shift, pair.reference.cols, {});
  moments.Accumulate(ShiftedColumns(pair.candidate, first, last, shift),
                     ReferenceRows(pair.reference, first, last));
  return moments;
}

double RelativeDistance(const Matrix& a, const Matrix& b) {
  Backend& backend = TestBackend();
  const Matrix difference = Scaled(backend, 1.0, a);
  backend.Axpby(-1.0, b, 1.0, difference);
  return std::sqrt(backend.Dot(difference, difference) / backend.Dot(b, b));
}

void ExpectSame(Moments a, Moments b) {
  const std::vector<double> means = b.Means();
  const FoldMoments x = std::move(a).CentredOn(means);
  const FoldMoments y = std::move(b).CentredOn(means);
  EXPECT_EQ(x.rows, y.rows);
  EXPECT_LT(RelativeDistance(x.gram, y.gram), kSame);
  EXPECT_LT(RelativeDistance(x.cross, y.cross), kSame);
  EXPECT_NEAR(x.candidate_norm_squared / y.candidate_norm_squared, 1.0, kSame);
}

TEST(MomentsTest, ShardsWithOtherShiftsAddUp) {
  const Pair pair = MixedPair(50, 7, 4, 1);
  const Moments whole = MomentsOf(pair, 0, 50, std::vector<double>(7, 1.0));

  Moments sum = MomentsOf(pair, 0, 13, std::vector<double>(7, 0.5));
  sum.Add(MomentsOf(pair, 13, 14, std::vector<double>(7, -2.0)));
  sum.Add(MomentsOf(pair, 14, 50, std::vector<double>(7, 3.0)));

  ExpectSame(sum, whole);
}

TEST(MomentsTest, SubtractingAFoldEqualsLeavingItOut) {
  const Pair pair = MixedPair(50, 7, 4, 2);
  Moments rest = MomentsOf(pair, 0, 50, std::vector<double>(7, 1.0));

  rest.Subtract(MomentsOf(pair, 20, 50, std::vector<double>(7, 0.0)));

  ExpectSame(rest, MomentsOf(pair, 0, 20, std::vector<double>(7, 1.0)));
}

/// Scores of all measures that stream through moments through a stream cut at
/// random places.
std::vector<double> StreamScores(const Pair& pair, uint32_t seed) {
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(pair.reference));
  std::vector<std::shared_ptr<const Measure>> measures;
  for (const MeasureInfo& info : RegisteredMeasures()) {
    const std::shared_ptr<const Measure> measure =
        MustCreate(std::string(info.id));
    const StatisticsNeeds needs =
        measure->Needs({.rows = 40, .candidate_features = 5});
    if (!needs.kernel && !needs.reference_kernel && !needs.candidate_rows) {
      measures.push_back(measure);
    }
  }
  measures.push_back(MustCreate("ridge_r2(folds=rows_shuffled(4,3),lambda=1)"));
  const HostArray array = ToHostArray(pair.candidate);
  const absl::StatusOr<std::unique_ptr<ScoreStream>> stream =
      ScoreStream::Create(*reference, measures, array.spec);
  EXPECT_TRUE(stream.ok()) << stream.status();
  absl::Span<const std::byte> rest = array.data;
  std::mt19937 generator(seed);
  while (!rest.empty()) {
    const size_t taken =
        seed == 0 ? rest.size()
                  : std::min<size_t>(rest.size(), 1 + generator() % 100000);
    EXPECT_TRUE((*stream)->Append(rest.subspan(0, taken)).ok());
    rest.remove_prefix(taken);
  }
  const absl::StatusOr<ScoreReport> report = (*stream)->Finish();
  EXPECT_TRUE(report.ok()) << report.status();
  std::vector<double> values;
  for (const ScoreResult& score : report->scores) {
    values.push_back(score.value);
  }
  return values;
}

TEST(ScoreStreamTest, CutsDoNotChangeTheScores) {
  for (const auto& [n, p, q] :
       std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {3000, 200, 20}, {300, 7, 5}, {40, 90, 12}}) {
    const Pair pair = MixedPair(n, p, q, 3);
    const std::vector<double> whole = StreamScores(pair, 0);
    for (const uint32_t seed : {1U, 2U, 3U}) {
      EXPECT_EQ(StreamScores(pair, seed), whole) << n;
    }
  }
}

TEST(ScoreStreamTest, MissingAndSurplusBytesAreCounted) {
  const Pair pair = MixedPair(20, 3, 2, 4);
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(pair.reference));
  const HostArray array = ToHostArray(pair.candidate);
  const auto start = [&] {
    return *ScoreStream::Create(*reference, {MustCreate("cka")}, array.spec);
  };
  const std::unique_ptr<ScoreStream> short_stream = start();
  const std::unique_ptr<ScoreStream> long_stream = start();

  ASSERT_TRUE(
      short_stream->Append(absl::MakeConstSpan(array.data).subspan(8)).ok());
  const absl::Status missing = short_stream->Finish().status();
  ASSERT_TRUE(long_stream->Append(array.data).ok());
  const absl::Status surplus =
      long_stream->Append(absl::MakeConstSpan(array.data).subspan(0, 1));

  EXPECT_EQ(missing.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(missing.message().find("472"), std::string::npos);
  EXPECT_EQ(surplus.code(), absl::StatusCode::kInvalidArgument);
}

TEST(ScoreStreamTest, FloatAndHalfInputAreWidenedExactly) {
  const Pair pair = MixedPair(40, 6, 4, 5);
  HostArray narrow;
  narrow.spec = {.type = DataType::kFloat32, .shape = {40, 6}};
  Pair rounded = pair;
  for (double& value : rounded.candidate.values) {
    const auto single = static_cast<float>(value);
    const auto bytes = absl::MakeConstSpan(
        reinterpret_cast<const std::byte*>(&single), sizeof(single));
    narrow.data.insert(narrow.data.end(), bytes.begin(), bytes.end());
    value = single;
  }
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(pair.reference));
  const std::unique_ptr<ScoreStream> stream =
      *ScoreStream::Create(*reference, {MustCreate("cka")}, narrow.spec);
  ASSERT_TRUE(stream->Append(narrow.data).ok());

  EXPECT_EQ(stream->Finish()->scores[0].value, *StreamedScore("cka", rounded));
}

}  // namespace
}  // namespace repscore::testing
