// RSA against slow definitions, its identities, and input without an RDM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/text.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

constexpr double kSameValue = 1e-12;

std::vector<Pair> Pairs() {
  return {MixedPair(24, 6, 6, 1),
          MixedPair(40, 12, 9, 2),
          MixedPair(15, 25, 20, 3),
          MixedPair(30, 6, 40, 4)};
}

absl::Status Failure(const std::string& id, const Pair& pair) {
  return StreamedScore(id, pair).status();
}

void ExpectInvalid(const absl::Status& status, const std::string& text) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

double Difference(const Table& rows, int64_t i, int64_t j, int64_t column) {
  return rows.at(i, column) - rows.at(j, column);
}

/// |x_i - x_j|^2 for i < j, row by row.
std::vector<double> SquaredDistances(const Table& rows) {
  std::vector<double> distances;
  for (int64_t i = 0; i < rows.rows; ++i) {
    for (int64_t j = i + 1; j < rows.rows; ++j) {
      double sum = 0.0;
      for (int64_t c = 0; c < rows.cols; ++c) {
        sum += Difference(rows, i, j, c) * Difference(rows, i, j, c);
      }
      distances.push_back(sum);
    }
  }
  return distances;
}

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double Cosine(const std::vector<double>& a, const std::vector<double>& b) {
  return Dot(a, b) / std::sqrt(Dot(a, a) * Dot(b, b));
}

std::vector<double> LessMean(std::vector<double> a) {
  const double mean =
      std::accumulate(a.begin(), a.end(), 0.0) / static_cast<double>(a.size());
  for (double& value : a) {
    value -= mean;
  }
  return a;
}

TEST(RsaIdentityTest, MomentsAndDistancesAgree) {
  for (const Pair& pair : Pairs()) {
    const std::vector<double> x = SquaredDistances(pair.candidate);
    const std::vector<double> y = SquaredDistances(pair.reference);
    for (const Space space : {Space::kFeature, Space::kSample}) {
      EXPECT_NEAR(
          MustEvaluate("rsa(compare=cosine)", pair, {.space = space}).value,
          Cosine(x, y),
          kSameValue);
      EXPECT_NEAR(
          MustEvaluate("rsa(compare=pearson)", pair, {.space = space}).value,
          Cosine(LessMean(x), LessMean(y)),
          kSameValue);
    }
  }
}

TEST(RsaIdentityTest, WhitenedCosineIsCkaAndBuresIsNbs) {
  for (const Pair& pair : Pairs()) {
    EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_cosine)", pair).value,
                MustEvaluate("cka", pair).value,
                kSameValue);
    EXPECT_NEAR(MustEvaluate("rsa(compare=bures)", pair).value,
                MustEvaluate("nbs", pair).value,
                kSameValue);
  }
}

TEST(RsaIdentityTest, MeasuresOfEqualRowNormsAgreeWithDebiasedCka) {
  // h1 = (1,1,-1,-1), h2 = (1,-1,1,-1), h3 = h1 h2: X = [h1, 2 h2],
  // Y = [h1, h3].
  const Table x = {4, 2, {1, 2, 1, -2, -1, 2, -1, -2}};
  const Table y = {4, 2, {1, 1, 1, -1, -1, -1, -1, 1}};
  const Pair pair = {.candidate = x, .reference = y};

  EXPECT_NEAR(MustEvaluate("rsa(compare=pearson)", pair).value,
              -0.9707253433941506,
              kSameValue);
  EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_cosine)", pair).value,
              1.0 / std::sqrt(34.0),
              kSameValue);
}

/// v = d' V^-1 e / sqrt(d' V^-1 d  e' V^-1 e) with V_(ij)(kl) =
/// (delta_ik - delta_il - delta_jk + delta_jl)^2 by Gaussian elimination.
double ExplicitlyWhitened(int64_t n,
                          const std::vector<double>& d,
                          const std::vector<double>& e) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i + 1; j < n; ++j) {
      pairs.emplace_back(i, j);
    }
  }
  const auto m = static_cast<int64_t>(pairs.size());
  Table system = {
      m, m + 2, std::vector<double>(static_cast<size_t>(m * (m + 2)))};
  for (int64_t a = 0; a < m; ++a) {
    const auto [i, j] = pairs[static_cast<size_t>(a)];
    for (int64_t b = 0; b < m; ++b) {
      const auto [k, l] = pairs[static_cast<size_t>(b)];
      const double covariance = (i == k) - (i == l) - (j == k) + (j == l);
      system.at(a, b) = covariance * covariance;
    }
    system.at(a, m) = d[static_cast<size_t>(a)];
    system.at(a, m + 1) = e[static_cast<size_t>(a)];
  }
  for (int64_t a = 0; a < m; ++a) {
    int64_t pivot = a;
    for (int64_t b = a; b < m; ++b) {
      pivot =
          std::abs(system.at(b, a)) > std::abs(system.at(pivot, a)) ? b : pivot;
    }
    for (int64_t c = 0; c < m + 2; ++c) {
      std::swap(system.at(a, c), system.at(pivot, c));
    }
    for (int64_t b = 0; b < m; ++b) {
      const double factor = b == a ? 0.0 : system.at(b, a) / system.at(a, a);
      for (int64_t c = a; c < m + 2; ++c) {
        system.at(b, c) -= factor * system.at(a, c);
      }
    }
  }
  std::vector<double> white_d(d.size());
  std::vector<double> white_e(d.size());
  for (int64_t a = 0; a < m; ++a) {
    white_d[static_cast<size_t>(a)] = system.at(a, m) / system.at(a, a);
    white_e[static_cast<size_t>(a)] = system.at(a, m + 1) / system.at(a, a);
  }
  return Dot(d, white_e) / std::sqrt(Dot(d, white_d) * Dot(e, white_e));
}

TEST(RsaIdentityTest, WhitenedComparisonsAgreeWithTheExplicitCovariance) {
  const Pair pair = MixedPair(7, 5, 4, 11);
  std::vector<double> d = SquaredDistances(pair.candidate);
  std::vector<double> e = SquaredDistances(pair.reference);

  EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_cosine)", pair).value,
              ExplicitlyWhitened(7, d, e),
              1e-11);
  EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_pearson)", pair).value,
              ExplicitlyWhitened(7, LessMean(d), LessMean(e)),
              1e-11);
  for (std::vector<double>* distances : {&d, &e}) {
    for (double& value : *distances) {
      value = std::sqrt(value);
    }
  }
  EXPECT_NEAR(
      MustEvaluate("rsa(compare=whitened_pearson,rdm=euclidean)", pair).value,
      ExplicitlyWhitened(7, LessMean(d), LessMean(e)),
      1e-11);
}

/// Concordant less discordant pairs of entries, and pairs not tied in x, y.
struct Concordance {
  double difference = 0.0;
  double untied_x = 0.0;
  double untied_y = 0.0;
};

Concordance CountPairs(const std::vector<double>& x,
                       const std::vector<double>& y) {
  Concordance result;
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double dx = std::abs(x[i] - x[j]) < 1e-9 ? 0.0 : x[i] - x[j];
      const double dy = std::abs(y[i] - y[j]) < 1e-9 ? 0.0 : y[i] - y[j];
      result.untied_x += dx != 0.0;
      result.untied_y += dy != 0.0;
      result.difference += (dx * dy > 0.0) - (dx * dy < 0.0);
    }
  }
  return result;
}

TEST(RsaRankTest, TiesAreCountedAsByTheSlowDefinition) {
  // Rows on a small grid: distances are whole numbers with many ties.
  Pair pair = {.candidate = Normals(14, 2, 20),
               .reference = Normals(14, 3, 21)};
  for (Table* table : {&pair.candidate, &pair.reference}) {
    for (double& value : table->values) {
      value = std::round(1.3 * value);
    }
  }
  const std::vector<double> x = SquaredDistances(pair.candidate);
  const std::vector<double> y = SquaredDistances(pair.reference);
  const double all = static_cast<double>(x.size() * (x.size() - 1)) / 2.0;
  const Concordance pairs = CountPairs(x, y);
  ASSERT_LT(pairs.untied_x, all);

  EXPECT_NEAR(MustEvaluate("rsa(compare=kendall_tau_a)", pair).value,
              pairs.difference / all,
              kSameValue);
  EXPECT_NEAR(MustEvaluate("rsa(compare=kendall_tau_b)", pair).value,
              pairs.difference / std::sqrt(pairs.untied_x * pairs.untied_y),
              kSameValue);

  const auto ranks = [](const std::vector<double>& values) {
    std::vector<double> result;
    for (const double value : values) {
      double below = 0.0;
      double equal = 0.0;
      for (const double other : values) {
        below += other < value - 1e-9;
        equal += std::abs(other - value) < 1e-9;
      }
      result.push_back(below + (equal + 1.0) / 2.0);
    }
    return LessMean(result);
  };
  const std::vector<double> a = ranks(x);
  const std::vector<double> b = ranks(y);
  const auto m = static_cast<double>(x.size());
  EXPECT_NEAR(MustEvaluate("rsa(compare=spearman)", pair).value,
              Cosine(a, b),
              kSameValue);
  EXPECT_NEAR(MustEvaluate("rsa(compare=rho_a)", pair).value,
              12.0 * Dot(a, b) / (m * m * m - m),
              kSameValue);
}

/// Mean over ordered pairs of different folds of
/// (x_i - x_j)_a . (x_i - x_j)_b / p; folds are `k` contiguous blocks.
std::vector<double> SlowCrossnobis(const Table& rows, int64_t k) {
  const int64_t conditions = rows.rows / k;
  std::vector<double> distances;
  for (int64_t i = 0; i < conditions; ++i) {
    for (int64_t j = i + 1; j < conditions; ++j) {
      double sum = 0.0;
      for (int64_t a = 0; a < k; ++a) {
        for (int64_t b = 0; b < k; ++b) {
          for (int64_t c = 0; c < rows.cols && a != b; ++c) {
            sum += Difference(rows, a * conditions + i, a * conditions + j, c) *
                   Difference(rows, b * conditions + i, b * conditions + j, c);
          }
        }
      }
      distances.push_back(sum / static_cast<double>(k * (k - 1) * rows.cols));
    }
  }
  return distances;
}

TEST(RsaCrossnobisTest, IsTheMeanOverPairsOfFolds) {
  const Pair pair = MixedPair(24, 6, 9, 30);
  const std::vector<double> x = SlowCrossnobis(pair.candidate, 3);
  const std::vector<double> y = SlowCrossnobis(pair.reference, 3);

  EXPECT_NEAR(
      MustEvaluate(
          "rsa(compare=cosine,folds=rows_contiguous(3),rdm=crossnobis)", pair)
          .value,
      Cosine(x, y),
      kSameValue);
  EXPECT_NEAR(MustEvaluate("rsa(compare=pearson,folds=rows_contiguous(3),"
                           "rdm=crossnobis)",
                           pair)
                  .value,
              Cosine(LessMean(x), LessMean(y)),
              kSameValue);
}

TEST(RsaCrossnobisTest, PureNoiseHasNoDistanceOnAverage) {
  // 400 draws of 2 folds: the mean entry is within 4 standard errors of 0.
  double sum = 0.0;
  double squares = 0.0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const std::vector<double> d = SlowCrossnobis(Normals(12, 5, seed), 2);
    const double mean = std::accumulate(d.begin(), d.end(), 0.0) /
                        static_cast<double>(d.size());
    sum += mean;
    squares += mean * mean;
  }
  EXPECT_LT(std::abs(sum), 4.0 * std::sqrt(squares));
}

TEST(RsaCrossnobisTest, UnshrunkNoiseMakesLinearMapsInvisible) {
  // Of either side: distances are in units of the noise.
  const Pair pair = MixedPair(60, 6, 5, 31);
  const Pair mapped = {.candidate = Product(pair.candidate, Normals(6, 6, 32)),
                       .reference = pair.reference};
  for (const std::string rdm : {"crossnobis", "mahalanobis"}) {
    const std::string id = "rsa(folds=rows_contiguous(2),rdm=" + rdm + "(0))";
    EXPECT_NEAR(
        MustEvaluate(id, mapped).value, MustEvaluate(id, pair).value, 1e-10);
  }
}

TEST(RsaCrossnobisTest, FoldsMustFit) {
  const Pair pair = MixedPair(21, 6, 5, 33);

  ExpectInvalid(
      Failure("rsa(folds=rows_contiguous(2),rdm=crossnobis)", pair),
      "every fold must hold the same conditions in the same order, but fold 0 "
      "has 11 rows and fold 1 has 10 of 21");
  const Table half = Normals(10, 6, 34);
  Table twice = {20, 6, half.values};
  twice.values.insert(
      twice.values.end(), half.values.begin(), half.values.end());
  ExpectInvalid(Failure("rsa(folds=rows_contiguous(2),rdm=mahalanobis)",
                        {.candidate = twice, .reference = Normals(20, 4, 35)}),
                "candidate: its folds are equal");
  ExpectInvalid(Failure("rsa(folds=rows_contiguous(2),rdm=mahalanobis(0))",
                        {.candidate = Normals(20, 12, 36),
                         .reference = Normals(20, 4, 35)}),
                "raise the shrinkage");
}

TEST(RsaPoissonTest, IsTheSymmetrisedDivergenceOfRates) {
  Pair pair = {.candidate = Normals(12, 5, 40),
               .reference = Normals(12, 4, 41)};
  std::vector<std::vector<double>> distances;
  for (Table* table : {&pair.candidate, &pair.reference}) {
    for (double& value : table->values) {
      value = std::round(4.0 * std::abs(value));
    }
    std::vector<double>& d = distances.emplace_back();
    for (int64_t i = 0; i < 12; ++i) {
      for (int64_t j = i + 1; j < 12; ++j) {
        double sum = 0.0;
        for (int64_t c = 0; c < table->cols; ++c) {
          const double a = (table->at(i, c) + 0.1) / 1.1;
          const double b = (table->at(j, c) + 0.1) / 1.1;
          sum += (a - b) * std::log(a / b);
        }
        d.push_back(sum);
      }
    }
  }
  const std::string id = "rsa(compare=cosine,rdm=poisson)";
  const Outcome outcome = MustEvaluate(id, pair, {.candidate_gradient = true});

  EXPECT_NEAR(outcome.value, Cosine(distances[0], distances[1]), kSameValue);
  EXPECT_EQ(MustCreate(id)->id(),
            "rsa(compare=cosine,folds=none,noise=identity,rdm=poisson(1,0.1))");
  constexpr double kStep = 1e-4;
  // Away from 0, where counts end.
  const auto at =
      static_cast<size_t>(std::max_element(pair.candidate.values.begin(),
                                           pair.candidate.values.end()) -
                          pair.candidate.values.begin());
  const auto value = [&](double distance) {
    Pair moved = pair;
    moved.candidate.values[at] += distance;
    return MustEvaluate(id, moved).value;
  };
  EXPECT_NEAR(outcome.candidate_gradient.values[at],
              (8 * (value(kStep) - value(-kStep)) -
               (value(2 * kStep) - value(-2 * kStep))) /
                  (12 * kStep),
              1e-9 * Norm(outcome.candidate_gradient));
}

TEST(RsaPoissonTest, NegativeRatesAreLocated) {
  Pair pair = {.candidate = Normals(12, 5, 40),
               .reference = Normals(12, 4, 41)};
  for (Table* table : {&pair.candidate, &pair.reference}) {
    for (double& value : table->values) {
      value = std::abs(value);
    }
  }
  pair.candidate.at(7, 3) = -0.5;

  ExpectInvalid(Failure("rsa(rdm=poisson)", pair),
                "candidate: row 7, column 3 is -0.5");
}

TEST(RsaDegenerateTest, RowsWithoutVarianceAreNamed) {
  Pair pair = MixedPair(20, 5, 4, 50);
  for (int64_t j = 0; j < 4; ++j) {
    pair.reference.at(13, j) = 0.7;
  }

  ExpectInvalid(Failure("rsa(rdm=correlation)", pair),
                "reference: row 13 has no variance");
  EXPECT_TRUE(StreamedScore("rsa(rdm=cosine)", pair).ok());
  for (int64_t j = 0; j < 4; ++j) {
    pair.reference.at(13, j) = 0.0;
  }
  ExpectInvalid(Failure("rsa(rdm=cosine)", pair), "reference: row 13 is 0");
  ExpectInvalid(Failure("knn.mutual(metric=cosine)", pair),
                "reference: row 13 is 0");
}

TEST(RsaDegenerateTest, OneUnitHasNoCorrelationDistance) {
  ExpectInvalid(Failure("rsa(rdm=correlation)", MixedPair(20, 1, 4, 51)),
                "at least 2 columns on both sides; candidate has 1");
}

TEST(RsaDegenerateTest, EqualDistancesHaveNoCorrelation) {
  // Corners of a simplex.
  Table simplex = {5, 5, std::vector<double>(25, 0.0)};
  for (int64_t i = 0; i < 5; ++i) {
    simplex.at(i, i) = 1.0;
  }
  const Pair pair = {.candidate = simplex, .reference = Normals(5, 3, 52)};
  for (const std::string compare : {"pearson",
                                    "spearman",
                                    "rho_a",
                                    "kendall_tau_a",
                                    "kendall_tau_b",
                                    "whitened_pearson"}) {
    for (const std::string rdm : {"sq_euclidean", "euclidean", "correlation"}) {
      const absl::Status status =
          Failure(StrCat("rsa(compare=", compare, ",rdm=", rdm, ")"), pair);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
          << compare << " " << rdm;
      EXPECT_THAT(std::string(status.message()), HasSubstr("candidate: all"));
    }
  }
  EXPECT_TRUE(StreamedScore("rsa(compare=cosine)", pair).ok());
}

TEST(RsaDegenerateTest, RepeatedRowsAreAtDistanceZero) {
  Pair pair = MixedPair(20, 6, 5, 53);
  for (int64_t j = 0; j < 6; ++j) {
    pair.candidate.at(9, j) = pair.candidate.at(2, j);
  }
  const Outcome outcome =
      MustEvaluate("rsa(rdm=euclidean)", pair, {.candidate_gradient = true});
  std::vector<double> x = SquaredDistances(pair.candidate);
  std::vector<double> y = SquaredDistances(pair.reference);
  for (std::vector<double>* distances : {&x, &y}) {
    for (double& value : *distances) {
      value = std::sqrt(value);
    }
  }

  EXPECT_NEAR(outcome.value, Cosine(LessMean(x), LessMean(y)), kSameValue);
  EXPECT_LT(Norm(outcome.candidate_gradient), 10.0);
}

TEST(RsaParameterTest, WhatCannotBeMeantIsRefused) {
  const auto failure = [](const std::string& id) {
    return std::string(CreateMeasure({.id = id}, "measure").status().message());
  };
  EXPECT_THAT(failure("rsa(rdm=crossnobis)"), HasSubstr("needs folds"));
  EXPECT_THAT(failure("rsa(folds=rows_contiguous(2))"),
              HasSubstr("has no folds"));
  EXPECT_THAT(failure("rsa(compare=bures,folds=rows_contiguous(2),"
                      "rdm=crossnobis)"),
              HasSubstr("compare=bures"));
  EXPECT_THAT(failure("rsa(rdm=euclidean(2))"), HasSubstr("numbers go with"));
  EXPECT_THAT(failure("rsa(folds=rows_contiguous(2),rdm=crossnobis(1.5))"),
              HasSubstr("shrinkage is outside [0, 1]"));
  EXPECT_THAT(failure("rsa(rdm=poisson(0,1))"), HasSubstr("above 0"));
  EXPECT_THAT(failure("rsa(rdm=manhattan)"), HasSubstr("is none of"));
}

}  // namespace
}  // namespace repscore::testing
