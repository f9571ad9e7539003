// Penalties of a grid, by factors and by one spectrum.
#include <gtest/gtest.h>

#include <vector>

#include "core/measures/predict_regressors.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// Condition of the Gram matrix times rounding.
constexpr double kTolerance = 1e-10;

Eigen::MatrixXd Random(int64_t rows, int64_t cols, uint64_t seed) {
  const Table table = Normals(rows, cols, seed);
  Eigen::MatrixXd matrix(rows, cols);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      matrix(i, j) = table.at(i, j);
    }
  }
  return matrix;
}

TrainingSet MakeSet() {
  const Eigen::MatrixXd x = Random(40, 6, 1);
  TrainingSet set;
  set.rows = 40;
  set.gram = x.transpose() * x;
  set.cross = x.transpose() * Random(40, 3, 2);
  set.probe = Random(9, 6, 3);
  return set;
}

TEST(PredictRidgesTest, FewAndManyPenaltiesPredictAsEachAlone) {
  const TrainingSet set = MakeSet();
  // By factors; with a penalty of 0 and with many by one spectrum.
  const std::vector<double> few = {0.1, 3.0, 1e4};
  const std::vector<double> with_zero = {0.0, 0.1, 3.0};
  std::vector<double> many;
  for (int i = 1; i <= 200; ++i) {
    many.push_back(0.1 * i);
  }
  for (const std::vector<double>& lambdas : {few, with_zero, many}) {
    const std::vector<Eigen::MatrixXd> predicted =
        PredictRidges(TestBackend(), set, lambdas);

    ASSERT_EQ(predicted.size(), lambdas.size());
    for (size_t i = 0; i < lambdas.size(); ++i) {
      const Eigen::MatrixXd shifted =
          set.gram + lambdas[i] * Eigen::MatrixXd::Identity(6, 6);
      const Eigen::MatrixXd expected =
          set.probe * shifted.ldlt().solve(set.cross);
      EXPECT_LT((predicted[i] - expected).norm(), kTolerance * expected.norm())
          << lambdas[i];
    }
  }
}

TEST(PredictRidgesTest, ProbesLargerThanABlockAreWhole) {
  TrainingSet set = MakeSet();
  set.probe = Random(kProbeRows + 5, 6, 4);

  const Eigen::MatrixXd all = PredictRidge(TestBackend(), set, 2.0);

  const Eigen::MatrixXd expected =
      set.probe * (set.gram + 2.0 * Eigen::MatrixXd::Identity(6, 6))
                      .ldlt()
                      .solve(set.cross);
  EXPECT_LT((all - expected).norm(), kTolerance * expected.norm());
}

TEST(WorkElementsTest, WrappersPassOnWhatTheirBaseNeeds) {
  const ProblemSize size = {
      .rows = 500, .candidate_features = 80, .reference_features = 30};
  const auto work = [&size](const std::string& id) {
    return MustCreate(id)->WorkElements(size).value_or(-1);
  };

  EXPECT_EQ(work("brainscore.vision.rdm"),
            work("rsa(compare=spearman,rdm=correlation)"));
  EXPECT_GE(work("brainscore.vision.rdm"), 2 * 500 * 500);
  EXPECT_GE(work("brainscore.vision.rdm_cv"), work("brainscore.vision.rdm"));
  EXPECT_GT(work("ridge_r2(lambda=grid(1,10))"), 2 * 500 * 80);
  EXPECT_GE(work("pls_r(direction=symmetric_mean)"), work("pls_r"));
}

}  // namespace
}  // namespace repscore::testing
