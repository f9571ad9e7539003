#include "core/base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace repscore {
namespace {

using ::testing::ElementsAre;

// Known-answer vectors of Random123 1.09 (kat_vectors, philox4x32 10).
TEST(PhiloxTest, MatchesKnownAnswerOfZeros) {
  const Philox philox(0, 0);

  EXPECT_THAT(philox.Block(0),
              ElementsAre(0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U));
}

TEST(PhiloxTest, MatchesKnownAnswerOfOnes) {
  constexpr uint64_t kOnes = std::numeric_limits<uint64_t>::max();
  const Philox philox(kOnes, kOnes);

  EXPECT_THAT(philox.Block(kOnes),
              ElementsAre(0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU));
}

TEST(PhiloxTest, MatchesKnownAnswerOfPi) {
  const Philox philox(0x299f31d0a4093822U, 0x0370734413198a2eU);

  EXPECT_THAT(philox.Block(0x85a308d3243f6a88U),
              ElementsAre(0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U));
}

TEST(PhiloxTest, UniformStaysInsideTheOpenInterval) {
  const Philox philox(7);

  double sum = 0.0;
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = philox.Uniform(static_cast<uint64_t>(i));
    ASSERT_GT(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
  }

  // Five standard errors of the mean of 20,000 uniforms.
  EXPECT_NEAR(sum / kDraws, 0.5, 5.0 * std::sqrt(1.0 / 12.0 / kDraws));
}

TEST(PhiloxTest, NormalsHaveUnitVarianceAndNoKurtosis) {
  const Philox philox(1);
  std::vector<double> values(40000);

  philox.FillNormal(0, absl::MakeSpan(values));

  double mean = 0.0;
  double square = 0.0;
  double fourth = 0.0;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) {
    mean += value / count;
    square += value * value / count;
    fourth += value * value * value * value / count;
  }
  // Five standard errors: 1, sqrt(2) and sqrt(96) over sqrt(count).
  EXPECT_NEAR(mean, 0.0, 5.0 / std::sqrt(count));
  EXPECT_NEAR(square, 1.0, 5.0 * std::sqrt(2.0 / count));
  EXPECT_NEAR(fourth, 3.0, 5.0 * std::sqrt(96.0 / count));
}

TEST(PhiloxTest, NormalsDoNotDependOnWhereAFillBegins) {
  const Philox philox(3, 5);
  std::vector<double> whole(101);
  philox.FillNormal(0, absl::MakeSpan(whole));

  for (const size_t first : {size_t{1}, size_t{2}, size_t{50}, size_t{99}}) {
    std::vector<double> part(whole.size() - first);
    philox.FillNormal(first, absl::MakeSpan(part));

    EXPECT_TRUE(std::equal(part.begin(),
                           part.end(),
                           whole.begin() + static_cast<ptrdiff_t>(first)))
        << "from " << first;
  }
}

TEST(PhiloxTest, StreamsOfOneSeedDiffer) {
  EXPECT_NE(Philox(1, 0).Block(0), Philox(1, 1).Block(0));
}

TEST(PhiloxTest, PermutationHoldsEveryIndexOnce) {
  const std::vector<int64_t> permutation = Philox(11).Permutation(1000);

  std::vector<int64_t> sorted = permutation;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> expected(1000);
  std::iota(expected.begin(), expected.end(), int64_t{0});
  EXPECT_EQ(sorted, expected);
  EXPECT_NE(permutation, expected);
}

TEST(PhiloxTest, PermutationsOfThreeAreEquallyLikely) {
  std::array<int, 27> counts = {};
  constexpr int kDraws = 6000;

  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const std::vector<int64_t> order = Philox(seed).Permutation(3);
    ++counts[static_cast<size_t>(9 * order[0] + 3 * order[1] + order[2])];
  }

  // Five standard deviations of a binomial(6000, 1/6).
  constexpr double kTolerance = 5.0 * 28.87;
  const auto seen =
      std::count_if(counts.begin(), counts.end(), [](int n) { return n > 0; });
  EXPECT_EQ(seen, 6);
  for (const int count : counts) {
    if (count > 0) {
      EXPECT_NEAR(count, 1000, kTolerance);
    }
  }
}

TEST(PhiloxTest, PermutationOfNothingIsEmpty) {
  EXPECT_TRUE(Philox(0).Permutation(0).empty());
  EXPECT_THAT(Philox(0).Permutation(1), ElementsAre(0));
}

}  // namespace
}  // namespace repscore
