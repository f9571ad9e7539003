#include "core/analysis/embedding.h"

#include <cmath>
#include <limits>

#include "core/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/problem.h"

namespace repscore {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Normals;
using ::testing::Pointwise;
using testing::Table;

std::vector<double> DistancesOf(const Table& points) {
  std::vector<double> distances;
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t j = 0; j < points.rows; ++j) {
      double square = 0.0;
      for (int64_t k = 0; k < points.cols; ++k) {
        square += std::pow(points.at(i, k) - points.at(j, k), 2);
      }
      distances.push_back(std::sqrt(square));
    }
  }
  return distances;
}

Embedding MustEmbed(const std::vector<double>& distances,
                    int64_t dimensions,
                    MdsMethod method) {
  absl::StatusOr<Embedding> embedding =
      EmbedDistances(distances, dimensions, method);
  EXPECT_TRUE(embedding.ok()) << embedding.status();
  return embedding.ok() ? *embedding : Embedding{};
}

Table PointsOf(const Embedding& embedding, int64_t systems) {
  return {systems, embedding.dimensions, embedding.points};
}

/// The star K_{1,4}, which no Euclidean space holds.
std::vector<double> Star() {
  std::vector<double> d(25, 2.0);
  for (size_t i = 0; i < 5; ++i) {
    d[i] = d[5 * i] = 1.0;
    d[6 * i] = 0.0;
  }
  return d;
}

TEST(EmbeddingTest, EuclideanDistancesComeBackInTheirDimension) {
  const std::vector<double> distances = DistancesOf(Normals(12, 3, 1));
  for (const MdsMethod method : {MdsMethod::kClassical, MdsMethod::kMetric}) {
    const Embedding embedding = MustEmbed(distances, 3, method);
    EXPECT_THAT(DistancesOf(PointsOf(embedding, 12)),
                Pointwise(DoubleNear(1e-12), distances));
    EXPECT_LT(embedding.stress, 1e-12);
    EXPECT_NEAR(embedding.distortion, 1.0, 1e-11);
    EXPECT_NEAR(embedding.explained, 1.0, 1e-12);
    EXPECT_EQ(embedding.non_euclidean, 0.0);
  }
}

TEST(EmbeddingTest, AxesFallInVarianceAndSignsAreFixed) {
  const Embedding embedding =
      MustEmbed(DistancesOf(Normals(20, 5, 2)), 3, MdsMethod::kMetric);
  const Table points = PointsOf(embedding, 20);
  double last = std::numeric_limits<double>::infinity();
  for (int64_t j = 0; j < 3; ++j) {
    double sum = 0.0;
    double variance = 0.0;
    double largest = 0.0;
    for (int64_t i = 0; i < 20; ++i) {
      sum += points.at(i, j);
      variance += std::pow(points.at(i, j), 2);
      if (std::abs(points.at(i, j)) > std::abs(largest)) {
        largest = points.at(i, j);
      }
    }
    EXPECT_NEAR(sum, 0.0, 1e-12);
    EXPECT_LT(variance, last);
    EXPECT_GT(largest, 0.0);
    last = variance;
  }
}

TEST(EmbeddingTest, SmacofLowersTheStressOfClassicalScaling) {
  const std::vector<double> distances = DistancesOf(Normals(15, 6, 3));
  const Embedding classical = MustEmbed(distances, 2, MdsMethod::kClassical);
  const Embedding metric = MustEmbed(distances, 2, MdsMethod::kMetric);
  EXPECT_GT(metric.iterations, 1);
  EXPECT_EQ(classical.iterations, 0);
  EXPECT_LT(metric.stress, 0.95 * classical.stress);
  EXPECT_LT(classical.explained, 0.9);
  EXPECT_GT(classical.distortion, 1.0);
}

TEST(EmbeddingTest, TheStarIsNotEuclidean) {
  const Embedding embedding = MustEmbed(Star(), 4, MdsMethod::kClassical);
  // Differences of leaves are eigenvectors of -J D^2 J / 2 to 2, three times;
  // its trace is sum d^2 / (2 k) = 56 / 10, so that the fourth is -2 / 5.
  EXPECT_NEAR(embedding.non_euclidean, 0.4 / 6.4, 1e-12);
  EXPECT_NEAR(embedding.explained, 1.0, 1e-12);
  EXPECT_GT(embedding.distortion, 1.2);
  EXPECT_GT(embedding.stress, 0.05);
}

TEST(EmbeddingTest, CoincidingSystemsAreNoTrouble) {
  const std::vector<double> nothing(9, 0.0);
  for (const MdsMethod method : {MdsMethod::kClassical, MdsMethod::kMetric}) {
    const Embedding embedding = MustEmbed(nothing, 2, method);
    EXPECT_THAT(embedding.points, ::testing::Each(0.0));
    EXPECT_EQ(embedding.stress, 0.0);
    EXPECT_EQ(embedding.distortion, 1.0);
  }
}

TEST(EmbeddingTest, RefusesWhatIsNoDistanceMatrix) {
  const auto message = [](const std::vector<double>& distances,
                          int64_t dimensions) {
    return std::string(
        EmbedDistances(distances, dimensions, MdsMethod::kClassical)
            .status()
            .message());
  };
  EXPECT_THAT(message({0, 1, 1}, 1), HasSubstr("distances: 3 values"));
  EXPECT_THAT(message({}, 1), HasSubstr("distances: 0 values"));
  EXPECT_THAT(message({0, 1, 2, 0}, 1), HasSubstr("rows 0 and 1"));
  EXPECT_THAT(message({0, 1, 1, 0.5}, 1), HasSubstr("on the diagonal"));
  EXPECT_THAT(message({0, -1, -1, 0}, 1), HasSubstr("row 0, column 1 is -1"));
  EXPECT_THAT(message({0, std::nan(""), 1, 0}, 1), HasSubstr("column 1"));
  EXPECT_THAT(message({0, 1, 1, 0}, 2), HasSubstr("dimensions: 2"));
}

/// Three groups of four on a line, far apart.
std::vector<double> Groups() {
  Table points = {12, 1, {}};
  for (const double centre : {0.0, 10.0, 30.0}) {
    for (const double offset : {0.0, 0.1, 0.2, 1.0}) {
      points.values.push_back(centre + offset);
    }
  }
  return DistancesOf(points);
}

TEST(ClusteringTest, FindsGroupsAndTheirMedoids) {
  const absl::StatusOr<Clustering> clustering = ClusterMedoids(Groups(), 3);
  ASSERT_TRUE(clustering.ok()) << clustering.status();
  EXPECT_THAT(clustering->assignment,
              ElementsAre(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_NEAR(clustering->cost, 3 * 1.1, 1e-12);
  EXPECT_GT(clustering->silhouette, 0.9);
  const absl::StatusOr<Clustering> one = ClusterMedoids(Groups(), 1);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->silhouette, 0.0);
  EXPECT_FALSE(ClusterMedoids(Groups(), 0).ok());
  EXPECT_FALSE(ClusterMedoids(Groups(), 13).ok());
}

TEST(ClusteringTest, IsNoWorseThanEveryChoiceOfTwoAndEverySwapOfThree) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<double> d = DistancesOf(Normals(14, 2, seed));
    const auto cost = [&d](const std::vector<int64_t>& medoids) {
      double sum = 0.0;
      for (size_t i = 0; i < 14; ++i) {
        double nearest = 1e300;
        for (const int64_t m : medoids) {
          nearest = std::min(nearest, d[14 * i + static_cast<size_t>(m)]);
        }
        sum += nearest;
      }
      return sum;
    };
    const absl::StatusOr<Clustering> three = ClusterMedoids(d, 3);
    ASSERT_TRUE(three.ok());
    EXPECT_NEAR(three->cost, cost(three->medoids), 1e-12);
    for (size_t m = 0; m < 3; ++m) {
      for (int64_t other = 0; other < 14; ++other) {
        std::vector<int64_t> swapped = three->medoids;
        swapped[m] = other;
        EXPECT_GE(cost(swapped), three->cost - 1e-10);
      }
    }
  }
}

TEST(ClusteringTest, EverySystemItsOwnClusterThoughSomeCoincide) {
  const absl::StatusOr<Clustering> clustering =
      ClusterMedoids(std::vector<double>(9, 0.0), 3);
  ASSERT_TRUE(clustering.ok());
  EXPECT_THAT(clustering->medoids, ElementsAre(0, 1, 2));
  EXPECT_THAT(clustering->assignment, ElementsAre(0, 1, 2));
  EXPECT_EQ(clustering->silhouette, 0.0);
}

TEST(NeighboursTest, NearestFirstTiesToTheSmallerIndex) {
  const std::vector<double> d = DistancesOf({4, 1, {0, 1, 2, 4}});
  const absl::StatusOr<std::vector<int64_t>> two = NearestNeighbours(d, 2);
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_THAT(*two, ElementsAre(1, 2, 0, 2, 1, 0, 2, 1));
  EXPECT_FALSE(NearestNeighbours(d, 4).ok());
  EXPECT_FALSE(NearestNeighbours(d, 0).ok());
}

TEST(MedoidTest, MinimisesTheSumOfSquares) {
  // Sums of distances tie between 1 and 2; those of squares do not.
  const absl::StatusOr<int64_t> medoid =
      FrechetMedoid(DistancesOf({4, 1, {0, 1, 2, 9.5}}));
  ASSERT_TRUE(medoid.ok());
  EXPECT_EQ(*medoid, 2);
  EXPECT_EQ(*FrechetMedoid(std::vector<double>{0.0}), 0);
}

}  // namespace
}  // namespace repscore
