// Circular shifts of feature maps: by brute force, and what they leave alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr int64_t kRows = 7;
constexpr int64_t kHeight = 3;
constexpr int64_t kWidth = 4;
constexpr int64_t kChannels = 2;
constexpr int64_t kOtherChannels = 3;

constexpr const char* kLast = "shape.convolutional(height=3,width=4)";
constexpr const char* kFirst =
    "shape.convolutional(height=3,layout=channels_first,width=4)";

/// [n x h w c], channels last, moved down and to the right.
Table Rolled(const Table& maps, int64_t channels, int64_t down, int64_t right) {
  Table rolled = maps;
  for (int64_t i = 0; i < maps.rows; ++i) {
    for (int64_t y = 0; y < kHeight; ++y) {
      for (int64_t x = 0; x < kWidth; ++x) {
        const int64_t from = (y * kWidth + x) * channels;
        const int64_t to =
            (((y + down) % kHeight) * kWidth + (x + right) % kWidth) * channels;
        for (int64_t a = 0; a < channels; ++a) {
          rolled.at(i, to + a) = maps.at(i, from + a);
        }
      }
    }
  }
  return rolled;
}

/// [n h w x c] of channels-last maps, columns of the maps centred.
Table Positions(const Table& maps, int64_t channels) {
  Table positions = Centred(maps);
  positions.rows = maps.rows * kHeight * kWidth;
  positions.cols = channels;
  return positions;
}

Table ChannelsFirst(const Table& maps, int64_t channels) {
  Table first = maps;
  constexpr int64_t kPositions = kHeight * kWidth;
  for (int64_t i = 0; i < maps.rows; ++i) {
    for (int64_t z = 0; z < kPositions; ++z) {
      for (int64_t a = 0; a < channels; ++a) {
        first.at(i, a * kPositions + z) = maps.at(i, z * channels + a);
      }
    }
  }
  return first;
}

Pair Maps(uint64_t seed) {
  return {
      .candidate = Normals(kRows, kHeight * kWidth * kChannels, seed),
      .reference = Normals(kRows, kHeight * kWidth * kOtherChannels, seed + 1)};
}

/// sqrt of the eigenvalues of M'M or MM' for two channels, by the formula of
/// 2 x 2 matrices: |M|_* = sqrt(|M|^2 + 2 sqrt(det MM')).
double NuclearNorm(const Table& m) {
  const Table g = Product(m, Transposed(m));
  const double det = g.at(0, 0) * g.at(1, 1) - g.at(0, 1) * g.at(1, 0);
  return std::sqrt(g.at(0, 0) + g.at(1, 1) + 2 * std::sqrt(std::max(det, 0.0)));
}

double BruteForce(const Pair& pair) {
  const Table x = Positions(pair.candidate, kChannels);
  double best = 0.0;
  for (int64_t down = 0; down < kHeight; ++down) {
    for (int64_t right = 0; right < kWidth; ++right) {
      const Table y = Positions(
          Rolled(pair.reference, kOtherChannels, down, right), kOtherChannels);
      best = std::max(
          best, NuclearNorm(Product(Transposed(x), y)) / (Norm(x) * Norm(y)));
    }
  }
  return std::acos(best);
}

TEST(ConvolutionalTest, IsTheBestOfAllShifts) {
  for (uint64_t seed = 1; seed < 9; seed += 2) {
    const Pair pair = Maps(seed);
    const double expected = BruteForce(pair);
    for (const Space space : {Space::kFeature, Space::kSample}) {
      EXPECT_NEAR(
          MustEvaluate(kLast, pair, {.space = space}).value, expected, 1e-12);
    }
    EXPECT_NEAR(
        MustEvaluate(
            kFirst,
            {.candidate = ChannelsFirst(pair.candidate, kChannels),
             .reference = ChannelsFirst(pair.reference, kOtherChannels)})
            .value,
        expected,
        1e-12);
    const absl::StatusOr<double> streamed = StreamedScore(kLast, pair);
    ASSERT_TRUE(streamed.ok()) << streamed.status();
    EXPECT_NEAR(*streamed, expected, 1e-12);
  }
}

TEST(ConvolutionalTest, ShiftsAndRotatedChannelsDoNotMatter) {
  const Table maps = Normals(kRows, kHeight * kWidth * kChannels, 21);
  Table rotated = maps;
  rotated.rows = kRows * kHeight * kWidth;
  rotated.cols = kChannels;
  rotated = Product(rotated, RandomOrthogonal(kChannels, 22));
  rotated.rows = maps.rows;
  rotated.cols = maps.cols;

  EXPECT_NEAR(MustEvaluate(kLast,
                           {.candidate = maps,
                            .reference = Rolled(rotated, kChannels, 2, 3)})
                  .value,
              0.0,
              1e-13);
}

TEST(ConvolutionalTest, IsSymmetric) {
  const Pair pair = Maps(31);

  EXPECT_NEAR(
      MustEvaluate(kLast, pair).value,
      MustEvaluate(kLast,
                   {.candidate = pair.reference, .reference = pair.candidate})
          .value,
      1e-12);
}

TEST(ConvolutionalTest, GradientsMatchCentralDifferences) {
  const Pair pair = Maps(41);
  const Outcome outcome = MustEvaluate(
      kLast, pair, {.candidate_gradient = true, .reference_gradient = true});
  constexpr double kStep = 1e-4;
  for (uint64_t seed = 50; seed < 56; ++seed) {
    const Table x = Normals(kRows, pair.candidate.cols, seed);
    const Table y = Normals(kRows, pair.reference.cols, seed + 100);
    const auto value = [&](double steps) {
      return MustEvaluate(
                 kLast,
                 {.candidate = Sum(1.0, pair.candidate, steps * kStep, x),
                  .reference = Sum(1.0, pair.reference, steps * kStep, y)})
          .value;
    };
    const double difference =
        (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * kStep);
    EXPECT_NEAR(
        difference,
        Dot(outcome.candidate_gradient, x) + Dot(outcome.reference_gradient, y),
        1e-9);
  }
}

TEST(ConvolutionalTest, FeaturesMustFillTheMap) {
  const absl::Status status =
      Evaluate(*MustCreate(kLast),
               {.candidate = Normals(9, 24, 1), .reference = Normals(9, 25, 2)})
          .status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              ::testing::HasSubstr("24 candidate and 25 reference features"));
}

}  // namespace
}  // namespace repscore::testing
