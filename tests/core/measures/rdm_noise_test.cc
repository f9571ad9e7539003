// Whitened comparison of RDMs with noise between conditions: against the
// covariance of distances written out, against an independent program, and its
// gradient.
#include "core/measures/rdm_noise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/measures/rdm_compare.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Two algorithms for one number near 1.
constexpr double kSameValue = 1e-12;
// Independent program, through an inverse of the covariance of distances.
constexpr double kGolden = 1e-9;
// 4th-order central differences against the gradient's norm.
constexpr double kDifferences = 1e-7;

Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

/// Squared distances of the rows i < j, row by row.
Eigen::VectorXd Distances(const Table& rows) {
  std::vector<double> distances;
  for (int64_t i = 0; i < rows.rows; ++i) {
    for (int64_t j = i + 1; j < rows.rows; ++j) {
      double sum = 0.0;
      for (int64_t k = 0; k < rows.cols; ++k) {
        sum += std::pow(rows.at(i, k) - rows.at(j, k), 2);
      }
      distances.push_back(sum);
    }
  }
  return Eigen::Map<Eigen::VectorXd>(
      distances.data(), static_cast<Eigen::Index>(distances.size()));
}

/// V = (C S C') o (C S C') for the contrasts C of all pairs.
Eigen::MatrixXd CovarianceOfDistances(const Eigen::VectorXd& variances) {
  const Eigen::Index n = variances.size();
  Eigen::MatrixXd contrasts = Eigen::MatrixXd::Zero(n * (n - 1) / 2, n);
  Eigen::Index pair = 0;
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = i + 1; j < n; ++j) {
      contrasts(pair, i) = 1.0;
      contrasts(pair, j) = -1.0;
      ++pair;
    }
  }
  const Eigen::MatrixXd covariance =
      contrasts * variances.asDiagonal() * contrasts.transpose();
  return covariance.cwiseProduct(covariance);
}

double WhitenedCosine(const Eigen::VectorXd& a,
                      const Eigen::VectorXd& b,
                      const Eigen::MatrixXd& v) {
  const Eigen::LDLT<Eigen::MatrixXd> factor(v);
  const Eigen::VectorXd va = factor.solve(a);
  const Eigen::VectorXd vb = factor.solve(b);
  return a.dot(vb) / std::sqrt(a.dot(va) * b.dot(vb));
}

TEST(RdmNoiseTest, DiagonalNoiseEqualsTheCovarianceWrittenOut) {
  const Eigen::VectorXd variances{{0.5, 2.0, 1.0, 3.0, 0.25, 1.5, 4.0}};
  const std::string noise = "noise=diagonal(0.5,2,1,3,0.25,1.5,4)";
  const Eigen::MatrixXd v = CovarianceOfDistances(variances);
  const Pair pair = MixedPair(7, 5, 4, 1);
  Eigen::VectorXd a = Distances(pair.candidate);
  Eigen::VectorXd b = Distances(pair.reference);

  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_cosine," + noise + ")",
                             pair,
                             {.space = space})
                    .value,
                WhitenedCosine(a, b, v),
                kSameValue);
    EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_pearson," + noise + ")",
                             pair,
                             {.space = space})
                    .value,
                WhitenedCosine((a.array() - a.mean()).matrix(),
                               (b.array() - b.mean()).matrix(),
                               v),
                kSameValue);
  }
}

TEST(RdmNoiseTest, EqualVariancesAreUnitNoise) {
  const Pair pair = MixedPair(5, 4, 3, 2);

  EXPECT_NEAR(MustEvaluate("rsa(compare=whitened_cosine,"
                           "noise=diagonal(3,3,3,3,3))",
                           pair)
                  .value,
              MustEvaluate("rsa(compare=whitened_cosine)", pair).value,
              kSameValue);
}

TEST(RdmNoiseTest, RepetitionsMatchAnIndependentProgram) {
  const struct {
    const char* id;
    double value;
  } golden[] = {{"rsa(compare=whitened_cosine,folds=rows_contiguous(3),"
                 "noise=repetitions(0.2),rdm=crossnobis)",
                 0.11834307029734074},
                {"rsa(compare=whitened_pearson,folds=rows_contiguous(3),"
                 "noise=repetitions(0.2),rdm=crossnobis)",
                 0.19970393285725618},
                {"rsa(compare=whitened_cosine,folds=rows_contiguous(3),"
                 "noise=repetitions(0.2),rdm=mahalanobis(0.4))",
                 0.6599709999389674},
                {"rsa(compare=whitened_pearson,folds=rows_contiguous(3),"
                 "noise=repetitions(0.2),rdm=mahalanobis(0.4))",
                 -0.09114893464034675}};
  for (const auto& [id, value] : golden) {
    EXPECT_NEAR(MustEvaluate(id, BToA()).value, value, kGolden) << id;
  }
}

TEST(RdmNoiseTest, CandidateGradientsMatchCentralDifferences) {
  constexpr double kStep = 1e-3;
  for (const std::string id :
       {"rsa(compare=whitened_cosine,noise=diagonal(1,2,3,4,5,6,7,8))",
        "rsa(compare=whitened_pearson,noise=diagonal(1,2,3,4,5,6,7,8))",
        "rsa(compare=whitened_pearson,noise=diagonal(1,2,3,4,5,6,7,8),"
        "rdm=euclidean)",
        "rsa(compare=whitened_cosine,folds=rows_contiguous(2),"
        "noise=repetitions(0.3),rdm=crossnobis)",
        "rsa(compare=whitened_pearson,folds=rows_contiguous(2),"
        "noise=repetitions(0.3),rdm=mahalanobis(0.3))"}) {
    const Pair pair = MixedPair(8, 5, 4, 3);
    const Table gradient =
        MustEvaluate(id, pair, {.candidate_gradient = true}).candidate_gradient;
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const Table direction = Normals(8, 5, 100 + seed);
      const auto value = [&](double distance) {
        return MustEvaluate(
                   id,
                   {.candidate = Sum(1.0, pair.candidate, distance, direction),
                    .reference = pair.reference})
            .value;
      };
      const double difference = (8 * (value(kStep) - value(-kStep)) -
                                 (value(2 * kStep) - value(-2 * kStep))) /
                                (12 * kStep);
      EXPECT_NEAR(difference,
                  Dot(gradient, direction),
                  kDifferences * Norm(gradient) * Norm(direction))
          << id;
    }
  }
}

TEST(RdmNoiseTest, DiagonalNoiseHasAReferenceGradientToo) {
  const std::string id =
      "rsa(compare=whitened_pearson,noise=diagonal(1,2,3,4,5,6))";
  const Pair pair = MixedPair(6, 4, 4, 5);
  const Pair swapped = {.candidate = pair.reference,
                        .reference = pair.candidate};

  const Table reference =
      MustEvaluate(id, pair, {.reference_gradient = true}).reference_gradient;
  const Table candidate =
      MustEvaluate(id, swapped, {.candidate_gradient = true})
          .candidate_gradient;

  EXPECT_LT(Norm(Sum(1.0, reference, -1.0, candidate)),
            1e-11 * Norm(candidate));
}

TEST(RdmNoiseTest, NoiseThatDoesNotFitIsNamed) {
  const auto created = [](const std::string& parameters) {
    return std::string(CreateMeasure({.id = "rsa(" + parameters + ")"}, "m")
                           .status()
                           .message());
  };

  EXPECT_THAT(created("noise=diagonal(1,2)"), HasSubstr("whitened_cosine"));
  EXPECT_THAT(created("compare=whitened_cosine,noise=repetitions(0.1)"),
              HasSubstr("repeated measurements"));
  EXPECT_THAT(created("compare=whitened_cosine,noise=diagonal(1,-2)"),
              HasSubstr("noise=diagonal(1,-2)"));
  EXPECT_THAT(created("compare=whitened_cosine,noise=white"),
              HasSubstr("noise=white"));
  EXPECT_THAT(
      std::string(
          StreamedScore("rsa(compare=whitened_cosine,noise=diagonal(1,2,3))",
                        MixedPair(6, 3, 3, 1))
              .status()
              .message()),
      HasSubstr("3 variances for 6 conditions"));
  EXPECT_THAT(std::string(StreamedScore("rsa(compare=whitened_cosine,"
                                        "folds=rows_contiguous(2),"
                                        "noise=repetitions(0),rdm=crossnobis)",
                                        MixedPair(20, 3, 3, 1))
                              .status()
                              .message()),
              HasSubstr("raise the shrinkage"));
}

}  // namespace
}  // namespace repscore::testing
