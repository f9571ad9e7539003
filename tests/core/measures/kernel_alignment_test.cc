// Kernel alignment on the golden pair G0 (values: nacloos/similarity-repository
// and independent float64 computations), closed forms, degenerate inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "core/analysis/score_stream.h"
#include "core/measures/reference.h"
#include "core/statistics/row_pair.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// Sums of a few hundred products of numbers near 1.
constexpr double kValueTolerance = 1e-12;
// Two formulas of one gradient, against its norm.
constexpr double kGradientTolerance = 1e-10;

/// Candidate B0, reference A0.
Pair BToA() {
  const GoldenPair golden = MakeGoldenPair();
  return {.candidate = golden.b, .reference = golden.a};
}

std::string Name(const std::string& id, size_t index) {
  std::string name = std::to_string(index);
  name += "_";
  name += id;
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

struct GoldenValue {
  std::string id;
  double value;
  double tolerance = kValueTolerance;
};

class KernelGoldenTest : public ::testing::TestWithParam<GoldenValue> {};

TEST_P(KernelGoldenTest, MatchesInBothSpacesAndThroughTheStream) {
  const GoldenValue& golden = GetParam();
  const Pair pair = BToA();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    EXPECT_NEAR(MustEvaluate(golden.id, pair, {.space = space}).value,
                golden.value,
                golden.tolerance);
  }
  const absl::StatusOr<double> streamed = StreamedScore(golden.id, pair);
  ASSERT_TRUE(streamed.ok()) << streamed.status();
  EXPECT_NEAR(*streamed, golden.value, golden.tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    KernelGoldenTest,
    ::testing::Values(
        GoldenValue{"cka.lange", 0.0533364433409309},
        GoldenValue{"cka.rbf(bandwidth=absolute(1))", 0.8940267986288911},
        GoldenValue{"cka.rbf(bandwidth=absolute(1),bias=unbiased)",
                    0.0676394158408835},
        GoldenValue{"cka.rbf(bandwidth=absolute(1),bias=lange)",
                    0.2646042301584453},
        GoldenValue{"cka.rbf", 0.6129051373013771},
        GoldenValue{"cka.rbf(bias=unbiased)", 0.0319913621808478},
        GoldenValue{"cka.rbf(bandwidth=median_offdiagonal(1))",
                    0.6121586268832628},
        GoldenValue{"cka.rbf(bandwidth=median_offdiagonal(1),bias=unbiased)",
                    0.0319330808480558},
        // Published to five digits.
        GoldenValue{"cka.laplace(bandwidth=absolute(1))", 0.97104, 5e-6},
        GoldenValue{"cka.minibatch(batch=10)", -0.0734339101429415},
        GoldenValue{"dcor", 0.8852696524417102},
        GoldenValue{"dcor.unbiased", 0.0338471776169805}),
    [](const auto& test) { return Name(test.param.id, test.index); });

struct GoldenGradient {
  std::string id;
  double norm;
  double entry;  ///< [3][4]
};

class KernelGradientTest : public ::testing::TestWithParam<GoldenGradient> {};

TEST_P(KernelGradientTest, MatchesInBothSpaces) {
  const GoldenGradient& golden = GetParam();
  for (const Space space : {Space::kFeature, Space::kSample}) {
    const Table gradient =
        MustEvaluate(
            golden.id, BToA(), {.candidate_gradient = true, .space = space})
            .candidate_gradient;
    EXPECT_NEAR(Norm(gradient), golden.norm, kGradientTolerance * golden.norm);
    EXPECT_NEAR(
        gradient.at(3, 4), golden.entry, kGradientTolerance * golden.norm);
  }
}

INSTANTIATE_TEST_SUITE_P(
    G0,
    KernelGradientTest,
    ::testing::Values(
        GoldenGradient{"cka.lange", 0.244331287711826, 0.00381160016706719},
        GoldenGradient{"cka.rbf(bandwidth=absolute(1))",
                       0.0537714888761140,
                       -0.00152157429322833},
        GoldenGradient{"dcor", 0.0387407047493709, 0.000969565281827830},
        GoldenGradient{
            "dcor.unbiased", 0.254476304442666, 0.00283415713810774}),
    [](const auto& test) { return Name(test.param.id, test.index); });

/// Median bandwidths of G0 by conformance: s^2 of A0 and B0.
struct Medians {
  std::string rule;
  double reference;
  double candidate;
};

/// A kernel of width s of rows is that of width 1 of rows / s: value and
/// gradient of a median bandwidth are those of the frozen one.
TEST(BandwidthTest, MediansAreHeldFixedInTheGradient) {
  for (const Medians& medians :
       {Medians{"median_all(1)", 4.18809152018281, 4.26563414249641},
        Medians{"median_offdiagonal(1)", 4.21520235615292, 4.29109415890602}}) {
    const Pair pair = BToA();
    const double scale = 1.0 / std::sqrt(medians.candidate);
    const Pair scaled = {
        .candidate = Sum(scale, pair.candidate, 0.0, pair.candidate),
        .reference = Sum(1.0 / std::sqrt(medians.reference),
                         pair.reference,
                         0.0,
                         pair.reference)};
    for (const std::string bias : {"biased", "unbiased", "lange"}) {
      const auto evaluate = [&](const std::string& rule, const Pair& rows) {
        std::string id = "cka.rbf(bandwidth=";
        id += rule;
        id += ",bias=";
        id += bias;
        id += ")";
        return MustEvaluate(id, rows, {.candidate_gradient = true});
      };
      const Outcome live = evaluate(medians.rule, pair);
      const Outcome frozen = evaluate("absolute(1)", scaled);

      EXPECT_NEAR(live.value, frozen.value, kValueTolerance);
      EXPECT_LT(
          Norm(Sum(
              1.0, live.candidate_gradient, -scale, frozen.candidate_gradient)),
          kGradientTolerance * Norm(live.candidate_gradient));
    }
  }
}

TEST(BandwidthTest, ClaimsFollowTheBandwidth) {
  const MeasureInfo median = MustCreate("cka.rbf")->info();
  const MeasureInfo absolute =
      MustCreate("cka.rbf(bandwidth=absolute(2),bias=unbiased)")->info();

  EXPECT_FALSE(median.gradient_exact);
  EXPECT_TRUE(absolute.gradient_exact);
  EXPECT_THAT(median.invariances, ::testing::Contains("scale"));
  EXPECT_THAT(absolute.invariances,
              ::testing::Not(::testing::Contains("scale")));
  EXPECT_EQ(absolute.lowest, -1.0);
  EXPECT_EQ(absolute.minimum_rows, 4);
}

TEST(BandwidthTest, IsWrittenInFullAndRefusedWithAReason) {
  EXPECT_EQ(MustCreate("cka.rbf(bandwidth=median_all)")->id(),
            "cka.rbf(bandwidth=median_all(1),bias=biased)");
  EXPECT_EQ(MustCreate("hsic(kernel=laplace(absolute(2.50)))")->id(),
            "hsic(bias=biased,kernel=laplace(absolute(2.5)))");
  for (const std::string bad : {"cka.rbf(bandwidth=absolute)",
                                "cka.rbf(bandwidth=absolute(0))",
                                "cka.rbf(bandwidth=absolute(-1))",
                                "cka.rbf(bandwidth=median_all(nan))",
                                "cka.rbf(bandwidth=median_all(x))",
                                "cka.rbf(bandwidth=median)",
                                "cka.rbf(bandwidth=median_all(1)2)",
                                "cka.rbf(bias=debiased)",
                                "cka.minibatch(batch=3)",
                                "hsic(bias=lange)",
                                "hsic(kernel=linear(absolute(1)))",
                                "hsic(kernel=polynomial)"}) {
    const absl::Status status = CreateMeasure({.id = bad}, "measure").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(BandwidthTest, UnderflowAndSaturationAreWarnings) {
  const Pair pair = BToA();
  const auto warnings = [&](const std::string& id) {
    std::vector<std::string> reasons;
    for (const MeasureWarning& warning : MustEvaluate(id, pair).warnings) {
      reasons.push_back(warning.reason);
    }
    return reasons;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(warnings("cka.rbf(bandwidth=absolute(0.05))"),
              ElementsAre("KERNEL_UNDERFLOW", "KERNEL_UNDERFLOW"));
  EXPECT_THAT(warnings("cka.rbf(bandwidth=absolute(1e5))"),
              ElementsAre("KERNEL_SATURATED", "KERNEL_SATURATED"));
  EXPECT_THAT(warnings("cka.laplace(bandwidth=absolute(0.01))"),
              ElementsAre("KERNEL_UNDERFLOW", "KERNEL_UNDERFLOW"));
  EXPECT_TRUE(warnings("cka.rbf").empty());
}

TEST(BandwidthTest, WideKernelsApproachTheLinearOnes) {
  // exp(-D / (2 s^2)) = 1 - D / (2 s^2) + ..., and centred D are -2 K.
  const Pair pair = BToA();
  EXPECT_NEAR(MustEvaluate("cka.rbf(bandwidth=absolute(1e3))", pair).value,
              MustEvaluate("cka", pair).value,
              1e-5);
  EXPECT_NEAR(
      MustEvaluate("cka.rbf(bandwidth=absolute(1e3),bias=unbiased)", pair)
          .value,
      MustEvaluate("cka.debiased", pair).value,
      1e-5);
}

TEST(BandwidthTest, RowsThatAreMostlyTheSameHaveNoMedian) {
  Table rows = {20, 2, std::vector<double>(40, 1.0)};
  rows.at(3, 1) = 2.0;
  const Pair pair = {.candidate = rows, .reference = Normals(20, 2, 1)};
  for (const std::string id : {"cka.rbf", "cka.laplace", "hsic(kernel=rbf)"}) {
    const absl::Status status = Evaluate(*MustCreate(id), pair).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("candidate: the median distance"));
  }
}

TEST(EquidistantRowsTest, HaveNoUnbiasedScore) {
  // The corners of a simplex.
  Table corners = {6, 6, std::vector<double>(36, 0.0)};
  for (int64_t i = 0; i < 6; ++i) {
    corners.at(i, i) = 1.0;
  }
  const Pair pair = {.candidate = corners, .reference = Normals(6, 3, 1)};
  for (const std::string id : {"cka.debiased",
                               "cka.minibatch(batch=6)",
                               "cka.rbf(bias=unbiased)",
                               "dcor.unbiased"}) {
    const absl::Status status = Evaluate(*MustCreate(id), pair).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << id;
    EXPECT_THAT(std::string(status.message()), HasSubstr("candidate"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("equidistant"));
  }
}

TEST(FewRowsTest, UnbiasedMeasuresNeedFour) {
  const Pair three = {.candidate = Normals(3, 2, 1),
                      .reference = Normals(3, 2, 2)};
  for (const std::string id : {"cka.rbf(bias=unbiased)",
                               "dcor.unbiased",
                               "hsic(bias=unbiased)",
                               "cka.minibatch(batch=4)"}) {
    const absl::Status status = Evaluate(*MustCreate(id), three).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("at least 4 rows"));
  }
  EXPECT_THAT(std::string(Evaluate(*MustCreate("cka.minibatch(batch=5)"),
                                   {.candidate = Normals(4, 2, 1),
                                    .reference = Normals(4, 2, 2)})
                              .status()
                              .message()),
              HasSubstr("a batch of 5 rows needs at least as many"));
}

TEST(RepeatedRowsTest, GiveFiniteGradients) {
  Pair pair = MixedPair(20, 4, 3, 5);
  for (int64_t i = 10; i < 20; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      pair.candidate.at(i, j) = pair.candidate.at(i - 10, j);
    }
  }
  for (const std::string id : {"dcor", "dcor.unbiased", "cka.laplace"}) {
    const Table gradient =
        MustEvaluate(id, pair, {.candidate_gradient = true}).candidate_gradient;
    EXPECT_LT(Norm(gradient), 10.0) << id;
    EXPECT_GT(Norm(gradient), 1e-6) << id;
  }
}

TEST(DistanceCorrelationTest, OfThreeRowsByHand) {
  // Rows 0, 1, 3 against 0, 1, 2. Centred distances, up to a factor:
  //   [-2, 0, 2; 0, -1, 1; 2, 1, -3] and [-5, 1, 4; 1, -2, 1; 4, 1, -5]
  // with inner product 45 and squared norms 24 and 90.
  const Pair pair = {.candidate = {3, 1, {0, 1, 3}},
                     .reference = {3, 1, {0, 1, 2}}};

  EXPECT_NEAR(MustEvaluate("dcor", pair).value,
              std::sqrt(45.0 / std::sqrt(24.0 * 90.0)),
              1e-14);
}

TEST(HsicTest, IsTheNumeratorOfCka) {
  const Pair pair = MixedPair(20, 6, 4, 9);
  const Table x = Centred(pair.candidate);
  const Table y = Centred(pair.reference);
  const Table cross = Product(Transposed(x), y);

  EXPECT_NEAR(MustEvaluate("hsic", pair).value,
              Dot(cross, cross) / (19.0 * 19.0),
              1e-11);
  const auto value = [](const Table& a, const Table& b) {
    return MustEvaluate("hsic(bias=unbiased)", {.candidate = a, .reference = b})
        .value;
  };
  EXPECT_NEAR(value(x, y) / std::sqrt(value(x, x) * value(y, y)),
              MustEvaluate("cka.debiased", pair).value,
              kValueTolerance);
}

TEST(HsicTest, UnbiasedAveragesToZeroForIndependentRows) {
  constexpr int kDraws = 400;
  double sum = 0.0;
  double squares = 0.0;
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const double value =
        MustEvaluate("hsic(bias=unbiased)",
                     {.candidate = Normals(12, 2, 5000 + 2 * draw),
                      .reference = Normals(12, 2, 5001 + 2 * draw)})
            .value;
    sum += value;
    squares += value * value;
  }
  // Four standard errors of the mean.
  EXPECT_LT(std::abs(sum), 4.0 * std::sqrt(squares));
}

TEST(MinibatchTest, OneBatchOfAllRowsIsDebiasedCka) {
  const Pair pair = MixedPair(20, 6, 4, 10);
  const Outcome batch = MustEvaluate(
      "cka.minibatch(batch=20)", pair, {.candidate_gradient = true});
  const Outcome whole =
      MustEvaluate("cka.debiased", pair, {.candidate_gradient = true});

  EXPECT_NEAR(batch.value, whole.value, kValueTolerance);
  EXPECT_LT(
      Norm(Sum(1.0, batch.candidate_gradient, -1.0, whole.candidate_gradient)),
      kGradientTolerance * Norm(whole.candidate_gradient));
}

TEST(MinibatchTest, RowsBeyondTheLastFullBatchDoNotCount) {
  Pair pair = MixedPair(23, 6, 4, 11);
  const Outcome before = MustEvaluate(
      "cka.minibatch(batch=10)", pair, {.candidate_gradient = true});
  pair.candidate.at(21, 3) += 1.0;
  const double changed = MustEvaluate("cka.minibatch(batch=10)", pair).value;

  EXPECT_NEAR(changed, before.value, kValueTolerance);
  for (int64_t j = 0; j < 6; ++j) {
    EXPECT_NEAR(before.candidate_gradient.at(21, j), 0.0, kValueTolerance);
  }
}

TEST(MinibatchTest, DoesNotSeeTheFoldsOfOtherMeasures) {
  // Shuffled folds of another measure sort the rows anew.
  const Pair pair = MixedPair(27, 6, 4, 12);
  const auto reference =
      Reference::Create(TestBackend(), MakeDataset(pair.reference));
  ASSERT_TRUE(reference.ok()) << reference.status();
  const HostArray candidate = ToHostArray(pair.candidate);
  auto stream =
      ScoreStream::Create(*reference,
                          {MustCreate("ridge_r2(folds=rows_shuffled(4,7))"),
                           MustCreate("cka.minibatch(batch=5)")},
                          candidate.spec);
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_TRUE((*stream)->Append(candidate.data).ok());
  const absl::StatusOr<ScoreReport> report = (*stream)->Finish();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_NEAR(report->scores[1].value,
              MustEvaluate("cka.minibatch(batch=5)", pair).value,
              kValueTolerance);
}

/// As it was before `order` put the rows of `sorted` into its own.
Table InOldOrder(const RowOrder& order, const Table& sorted) {
  Table rows = sorted;
  const std::vector<int64_t> position = order.Inverse();
  for (int64_t i = 0; i < rows.rows; ++i) {
    for (int64_t j = 0; j < rows.cols; ++j) {
      rows.at(i, j) = sorted.at(position[static_cast<size_t>(i)], j);
    }
  }
  return rows;
}

TEST(MinibatchTest, GradientFollowsRowsThatWereSorted) {
  const Pair pair = MixedPair(27, 6, 4, 13);
  const auto measure = MustCreate("cka.minibatch(batch=5)");
  const FoldRule other = *FoldRule::Parse("rows_shuffled(4,7)", {});
  const RowLayout layout = {.rows = 27, .conditions = 27};
  std::map<std::string, Folds> folds;
  folds[other.ToString()] = *other.Assign(layout);
  folds[measure->fold_rule()->ToString()] =
      *measure->fold_rule()->Assign(layout);
  const RowOrder order(27, std::move(folds));
  ASSERT_FALSE(order.is_identity());
  Backend& backend = TestBackend();
  const auto upload = [&](const Table& table) {
    const Matrix out =
        backend.Allocate(table.rows, table.cols, ScalarType::kFloat64);
    backend.Upload(Transposed(table).values, out);
    return order.Apply(backend, out);
  };
  Statistics statistics;
  statistics.backend = &backend;
  statistics.size.rows = 27;
  statistics.candidate_rows = upload(Centred(pair.candidate));
  statistics.reference_rows = upload(Centred(pair.reference));
  for (const auto& [rule, assigned] : order.folds()) {
    statistics.folds[rule].folds = assigned;
  }
  const auto evaluation =
      measure->Evaluate(statistics, {.candidate = true}, Accuracy::kExact);
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  Table sorted = {6, 27, std::vector<double>(size_t{6} * 27)};
  backend.Download(evaluation->adjoint.candidate_rows,
                   absl::MakeSpan(sorted.values));
  const Table gradient = InOldOrder(order, Transposed(sorted));
  const Outcome expected = MustEvaluate(
      "cka.minibatch(batch=5)", pair, {.candidate_gradient = true});

  EXPECT_NEAR(evaluation->value, expected.value, kValueTolerance);
  EXPECT_LT(Norm(Sum(1.0, gradient, -1.0, expected.candidate_gradient)),
            kGradientTolerance * Norm(gradient));
}

}  // namespace
}  // namespace repscore::testing
