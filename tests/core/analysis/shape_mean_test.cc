#include "core/analysis/shape_mean.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/problem.h"

namespace repscore {
namespace {

using testing::Centred;
using testing::FromHostArray;
using testing::Norm;
using testing::Normals;
using testing::Product;
using testing::RandomOrthogonal;
using testing::Sum;
using testing::Table;
using testing::TestBackend;
using testing::ToHostArray;

using ::testing::HasSubstr;

std::vector<System> SystemsOf(const std::vector<Table>& tables) {
  std::vector<System> systems;
  systems.reserve(tables.size());
  for (const Table& table : tables) {
    systems.push_back({.name = "s", .rows = ToHostArray(table)});
  }
  return systems;
}

ShapeMean Must(const std::vector<Table>& tables, bool unit_norm = false) {
  absl::StatusOr<ShapeMean> mean =
      FrechetMean(TestBackend(), SystemsOf(tables), unit_norm, 1e-12, 500, {});
  EXPECT_TRUE(mean.ok()) << mean.status();
  return mean.ok() ? *mean : ShapeMean{};
}

/// |X|^2 + |Z|^2 - 2 nuclear norm of X'Z, from the eigenvalue-free identity
/// nbs = nuclear / (|X| |Z|).
double SquaredDistance(const Table& x, const Table& z) {
  const double nbs =
      testing::MustEvaluate("nbs", {.candidate = x, .reference = z}).value;
  const double a = Norm(Centred(x));
  const double b = Norm(Centred(z));
  return a * a + b * b - 2.0 * nbs * a * b;
}

TEST(ShapeMeanTest, RotatedCopiesHaveNoVariance) {
  for (const int64_t p : {4, 15}) {
    const Table x = Centred(Normals(10, p, 1));
    const ShapeMean mean = Must({x,
                                 Product(x, RandomOrthogonal(p, 2)),
                                 Product(x, RandomOrthogonal(p, 3))});
    EXPECT_TRUE(mean.converged);
    EXPECT_LT(mean.variance, 1e-24);
    // In the axes of the first system.
    const Table found = FromHostArray(mean.mean);
    EXPECT_EQ(found.cols, p);
    EXPECT_LT(Norm(Sum(1.0, found, -1.0, x)), 1e-12);
  }
}

TEST(ShapeMeanTest, TwoSystemsMeetHalfWay) {
  const Table x = Normals(10, 4, 4);
  const Table y = Normals(10, 4, 5);
  const ShapeMean mean = Must({x, y});
  const double distance = std::sqrt(SquaredDistance(x, y));
  EXPECT_NEAR(mean.distances[0], 0.5 * distance, 1e-9);
  EXPECT_NEAR(mean.distances[1], 0.5 * distance, 1e-9);
  EXPECT_NEAR(mean.variance, 0.25 * distance * distance, 1e-9);
}

TEST(ShapeMeanTest, DistancesAreProcrustesDistancesAndTheMeanIsStationary) {
  // Widths below and above the rows, one of low rank.
  const std::vector<Table> tables = {
      Normals(9, 3, 6),
      Product(Normals(9, 2, 7), Normals(2, 14, 8)),
      Normals(9, 12, 9),
      Normals(9, 1, 10)};
  const ShapeMean mean = Must(tables);
  ASSERT_TRUE(mean.converged);
  const Table centre = FromHostArray(mean.mean);
  EXPECT_EQ(centre.cols, 14);
  double variance = 0.0;
  for (size_t i = 0; i < tables.size(); ++i) {
    EXPECT_NEAR(mean.distances[i] * mean.distances[i],
                SquaredDistance(tables[i], centre),
                1e-9);
    variance += mean.distances[i] * mean.distances[i] / 4.0;
  }
  EXPECT_NEAR(mean.variance, variance, 1e-12);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Table moved =
        Sum(1.0, centre, 0.1, Centred(Normals(9, 14, 20 + seed)));
    double other = 0.0;
    for (const Table& table : tables) {
      other += SquaredDistance(table, moved) / 4.0;
    }
    EXPECT_GT(other, mean.variance);
  }
}

TEST(ShapeMeanTest, UnitNormTakesScaleOut) {
  const Table x = Normals(10, 4, 11);
  const Table rotated = Product(Sum(7.0, x, 0.0, x), RandomOrthogonal(4, 12));
  EXPECT_GT(Must({x, rotated}).variance, 1.0);
  const ShapeMean mean = Must({x, rotated}, true);
  EXPECT_LT(mean.variance, 1e-24);
  EXPECT_NEAR(Norm(FromHostArray(mean.mean)), 1.0, 1e-12);
}

TEST(ShapeMeanTest, SaysWhatIsWrongAndStops) {
  const auto status = [](const std::vector<Table>& tables,
                         double tolerance,
                         const std::function<absl::Status()>& keep_going) {
    return FrechetMean(TestBackend(),
                       SystemsOf(tables),
                       false,
                       tolerance,
                       10,
                       keep_going)
        .status();
  };
  const Table x = Normals(5, 2, 1);
  EXPECT_THAT(std::string(status({}, 0.1, {}).message()),
              HasSubstr("systems: there are none"));
  EXPECT_THAT(std::string(status({x, Normals(6, 2, 1)}, 0.1, {}).message()),
              HasSubstr("systems[1]: has 6 rows"));
  EXPECT_THAT(std::string(status({x}, -1.0, {}).message()),
              HasSubstr("tolerance: -1"));
  EXPECT_EQ(
      status({x, x}, 0.1, [] { return absl::CancelledError("enough"); }).code(),
      absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace repscore
