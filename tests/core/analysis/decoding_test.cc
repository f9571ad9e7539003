// Decoding of labels against scikit-learn's optimum, known answers and chance.
#include "core/analysis/decoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/analysis/logistic_regression.h"
#include "core/backend/host_algebra.h"
#include "core/base/random.h"
#include "core/base/text.h"

namespace repscore {
namespace {

using ::testing::HasSubstr;

/// Uniform in [-0.5, 0.5): s <- s * 6364136223846793005 + 1442695040888963407.
std::vector<double> Lcg(uint64_t state, size_t count) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    values.push_back(static_cast<double>(state >> 11U) / 9007199254740992.0 -
                     0.5);
  }
  return values;
}

/// 30 x 4 entries of 4 lcg(1), classes from their columns and noise lcg(2).
LogisticProblem FixtureProblem(int32_t classes) {
  LogisticProblem problem;
  problem.rows =
      Eigen::Map<const Eigen::Matrix<double, 4, 30>>(Lcg(1, 120).data())
          .transpose() *
      4.0;
  const std::vector<double> noise = Lcg(2, 30);
  problem.classes = classes;
  for (Eigen::Index i = 0; i < 30; ++i) {
    const double e = noise[static_cast<size_t>(i)];
    const double sum = problem.rows(i, 0) + problem.rows(i, 1) + e;
    const double difference = problem.rows(i, 0) - problem.rows(i, 2) + e;
    problem.targets.push_back(
        classes == 2 ? (sum > 0.0 ? 1 : 0)
                     : (difference < -1.0 ? 0 : (difference < 1.0 ? 1 : 2)));
  }
  return problem;
}

// scikit-learn 1.9.1: LogisticRegression(C=1, tol=1e-14, max_iter=100000) on
// the same data; objective = sum of log losses + |coef|^2 / 2.
TEST(LogisticRegressionTest, BinaryOptimumIsScikitLearns) {
  Eigen::MatrixXd weights;

  const double objective = FitLogistic(FixtureProblem(2), weights);

  EXPECT_NEAR(objective, 9.722426351995212, 1e-10);
  EXPECT_NEAR(weights(0, 0), 1.6204115346707464, 1e-5);
  EXPECT_NEAR(weights(3, 0), 0.04521211454776221, 1e-5);
  EXPECT_NEAR(weights(4, 0), -0.3511775200890294, 1e-5);
}

TEST(LogisticRegressionTest, SoftmaxOptimumIsScikitLearns) {
  Eigen::MatrixXd weights;

  const double objective = FitLogistic(FixtureProblem(3), weights);

  EXPECT_NEAR(objective, 11.756947215712328, 1e-10);
  EXPECT_NEAR(weights(0, 0), -1.4574893400363629, 1e-5);
  EXPECT_NEAR(weights(2, 2), -1.1710027800713907, 1e-5);
  EXPECT_NEAR(weights(4, 1) - weights(4, 0),
              0.6206174355142835 + 0.1527290848588215,
              1e-5);
}

TEST(LogisticRegressionTest, StartingAtTheOptimumChangesNothing) {
  const LogisticProblem problem = FixtureProblem(3);
  Eigen::MatrixXd weights;
  const double cold = FitLogistic(problem, weights);

  const double warm = FitLogistic(problem, weights);

  EXPECT_LE(warm, cold);
  EXPECT_NEAR(warm, cold, 1e-10);
}

/// (2 time bins, 40 conditions); label "object" of `classes` classes.
Dataset MakeRecording(int32_t classes) {
  Dataset dataset;
  dataset.name = "datasets/test/versions/1";
  dataset.description.spec = {.type = DataType::kFloat64, .shape = {2, 40, 3}};
  dataset.description.axes = {{.kind = AxisKind::kTime, .size = 2},
                              {.kind = AxisKind::kCondition, .size = 40},
                              {.kind = AxisKind::kFeature, .size = 3}};
  NamedValues object = {.name = "object", .values = {}};
  NamedValues block = {.name = "block", .values = {}};
  for (int i = 0; i < 40; ++i) {
    object.values.push_back(StrCat("c", i % classes));
    block.values.push_back(i < 20 ? "early" : "late");
  }
  dataset.description.labels = {object, block};
  return dataset;
}

/// Noise, plus in the second time bin the class in the first column.
std::vector<double> Rows(int32_t classes) {
  std::vector<double> rows(size_t{2} * 40 * 3);
  Philox(5).FillNormal(0, absl::MakeSpan(rows));
  for (size_t i = 0; i < 40; ++i) {
    rows[(40 + i) * 3] +=
        20.0 * static_cast<double>(static_cast<int32_t>(i) % classes);
  }
  return rows;
}

TEST(DecoderTest, ReadsWhatIsThereAndNothingElse) {
  for (const int32_t classes : {2, 4}) {
    const auto decoder =
        Decoder::Create(MakeRecording(classes), "object", {.seed = 3});
    ASSERT_TRUE(decoder.ok()) << decoder.status();

    const absl::StatusOr<DecodingResult> result =
        (*decoder)->Decode(Rows(classes), 3);

    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->classes, classes);
    EXPECT_EQ(result->chance, 1.0 / classes);
    ASSERT_EQ(result->bins.size(), 2);
    EXPECT_LT(result->bins[0], result->chance + 0.25);
    EXPECT_GT(result->bins[1], 0.95);
    EXPECT_NEAR(
        result->accuracy, (result->bins[0] + result->bins[1]) / 2, 1e-15);
  }
}

TEST(DecoderTest, WarmStartsGiveTheAccuracyOfColdOnes) {
  const std::vector<double> first = Rows(4);
  std::vector<double> second = first;
  for (double& value : second) {
    value *= 1.1;
  }
  const auto warm = Decoder::Create(MakeRecording(4), "object", {});
  const auto cold = Decoder::Create(MakeRecording(4), "object", {});
  ASSERT_TRUE((*warm)->Decode(first, 3).ok());

  EXPECT_EQ((*warm)->Decode(second, 3)->bins, (*cold)->Decode(second, 3)->bins);
}

TEST(DecoderTest, LabelsTogetherAreThoseApartWhateverTheThreads) {
  const Dataset recording = MakeRecording(4);
  const std::vector<double> rows = Rows(4);
  const auto apart_object = *Decoder::Create(recording, "object", {});
  const auto apart_block = *Decoder::Create(recording, "block", {});
  const auto object = *Decoder::Create(recording, "object", {});
  const auto block = *Decoder::Create(recording, "block", {});

  const auto together = DecodeTogether({object.get(), block.get()}, rows, 3, 3);

  ASSERT_TRUE(together.ok()) << together.status();
  ASSERT_EQ(together->size(), 2);
  EXPECT_EQ((*together)[0].label, "object");
  EXPECT_EQ((*together)[1].label, "block");
  EXPECT_EQ((*together)[0].bins, apart_object->Decode(rows, 3)->bins);
  EXPECT_EQ((*together)[1].bins, apart_block->Decode(rows, 3)->bins);
  EXPECT_EQ(object->State(), apart_object->State());
  EXPECT_EQ(block->State(), apart_block->State());
}

TEST(DecoderTest, LabelsOfOtherOptionsAreNotDecodedTogether) {
  const auto one = *Decoder::Create(MakeRecording(2), "object", {});
  const auto other =
      *Decoder::Create(MakeRecording(2), "object", {.per_time_bin = false});

  EXPECT_EQ(
      DecodeTogether({one.get(), other.get()}, Rows(2), 3, 1).status().code(),
      absl::StatusCode::kInternal);
}

TEST(DecoderTest, FoldsOfALabelTestGeneralisation) {
  const auto decoder =
      Decoder::Create(MakeRecording(2), "object", {.folds_of = "block"});
  ASSERT_TRUE(decoder.ok()) << decoder.status();

  EXPECT_GT((*decoder)->Decode(Rows(2), 3)->bins[1], 0.95);
}

TEST(DecoderTest, OneDecoderOverAllBins) {
  const auto decoder =
      Decoder::Create(MakeRecording(2), "object", {.per_time_bin = false});
  ASSERT_TRUE(decoder.ok()) << decoder.status();

  const DecodingResult result = *(*decoder)->Decode(Rows(2), 3);

  EXPECT_EQ(result.bins.size(), 1);
  EXPECT_GT(result.accuracy, 0.6);
}

TEST(DecoderTest, BadRequestsAreNamed) {
  const auto failure = [](const std::string& label,
                          const DecodingOptions& options) {
    const absl::Status status =
        Decoder::Create(MakeRecording(20), label, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return StrCat(status.message());
  };

  EXPECT_THAT(failure("place", {}), HasSubstr("it has object, block"));
  EXPECT_THAT(failure("object", {}), HasSubstr("fewer than the 5 folds"));
  EXPECT_THAT(failure("block", {.folds = 1}), HasSubstr("folds"));
  EXPECT_THAT(failure("block", {.c = 0.0}), HasSubstr("c: "));
  EXPECT_THAT(failure("block", {.folds_of = "block"}),
              HasSubstr("no condition of class"));
  Dataset single = MakeRecording(1);
  EXPECT_THAT(
      std::string(Decoder::Create(single, "object", {}).status().message()),
      HasSubstr("single class"));
}

}  // namespace
}  // namespace repscore
