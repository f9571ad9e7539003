// Surrogates, baselines, perturbations and decoding of one dataset.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/analysis/baselines.h"
#include "core/analysis/label_decoding.h"
#include "core/analysis/perturbation.h"
#include "core/analysis/surrogate.h"
#include "core/backend/host_algebra.h"
#include "core/base/text.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::shared_ptr<const Measure>> Create(
    const std::vector<std::string>& ids) {
  std::vector<std::shared_ptr<const Measure>> measures;
  measures.reserve(ids.size());
  for (const std::string& id : ids) {
    measures.push_back(MustCreate(id));
  }
  return measures;
}

std::shared_ptr<const Reference> ReferenceOf(
    std::shared_ptr<const Dataset> dataset) {
  auto reference = Reference::Create(TestBackend(), std::move(dataset));
  EXPECT_TRUE(reference.ok()) << reference.status();
  return *reference;
}

/// (4 time bins, 30 conditions, 5 features): the class of a condition drives
/// the first columns; "block" has a class of one member.
std::shared_ptr<const Dataset> MakeRecording() {
  Table rows = Normals(120, 5, 41);
  NamedValues object = {.name = "object", .values = {}};
  NamedValues block = {.name = "block", .values = {}};
  for (int64_t c = 0; c < 30; ++c) {
    object.values.push_back(c % 2 == 0 ? "face" : "car");
    block.values.push_back(c == 0 ? "first" : "rest");
    for (int64_t t = 0; t < 4; ++t) {
      rows.at(t * 30 + c, 0) += c % 2 == 0 ? 6.0 : -6.0;
    }
  }
  auto dataset = std::make_shared<Dataset>();
  dataset->name = "datasets/test/versions/1";
  dataset->description.spec = {.type = DataType::kFloat64, .shape = {4, 30, 5}};
  dataset->description.labels = {object, block};
  EXPECT_TRUE(Normalize(dataset->description).ok());
  dataset->data = ToHostArray(rows).data;
  return dataset;
}

TEST(SurrogateTest, SpectrumIsExactAndGeometryRandom) {
  for (const auto& [n, q] : {std::pair<int64_t, int64_t>{50, 8}, {12, 20}}) {
    const auto reference = ReferenceOf(MakeDataset(Normals(n, q, 42)));
    Backend& backend = TestBackend();

    const Eigen::MatrixXd drawn =
        ToHost(backend, MatchedGaussian(*reference, 1));
    const Eigen::MatrixXd again =
        ToHost(backend, MatchedGaussian(*reference, 1));
    const Eigen::MatrixXd other =
        ToHost(backend, MatchedGaussian(*reference, 2));
    const Eigen::VectorXd expected =
        Eigen::JacobiSVD<Eigen::MatrixXd>(ToHost(backend, reference->centred()))
            .singularValues();
    const Eigen::VectorXd actual =
        Eigen::JacobiSVD<Eigen::MatrixXd>(drawn).singularValues();

    EXPECT_LT((actual - expected).norm(), 1e-12 * expected.norm());
    EXPECT_LT(drawn.colwise().sum().norm(), 1e-11 * expected.norm());
    EXPECT_EQ(drawn, again);
    EXPECT_GT((drawn - other).norm(), 0.1 * expected.norm());
  }
}

TEST(PerturbationTest, SimulationLiesJustAboveTheory) {
  // Variances 1 / i, as conformance.md 5.
  const int64_t n = 500;
  std::vector<double> values;
  for (int i = 1; i <= 20; ++i) {
    values.push_back(std::sqrt(1.0 / i));
  }
  Backend& backend = TestBackend();
  const Matrix rows = GaussianWithSpectrum(backend, n, 20, values, 3);
  const Eigen::MatrixXd host = ToHost(backend, rows).transpose();
  Table table = {n, 20, {host.data(), host.data() + host.size()}};
  const auto reference = ReferenceOf(MakeDataset(table));

  const auto result = PerturbComponents(
      *reference,
      Create({"cka", "nbs", "procrustes.angular_score", "linear_r2"}),
      {.components = 5, .draws = 5},
      nullptr);

  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t m = 0; m < 2; ++m) {
    for (const ComponentPerturbation& one : (*result)[m].components) {
      const double slack =
          4.0 / std::sqrt(n - 1.0) * one.variance_share + 0.001;
      EXPECT_GE(one.mean, *one.theory - 1e-3);
      EXPECT_LE(one.mean, *one.theory + slack);
    }
  }
  // Quadratic in the share for CKA, linear for NBS.
  const auto slope = [&](size_t m) {
    const auto& parts = (*result)[m].components;
    return std::log((1 - *parts[0].theory) / (1 - *parts[4].theory)) /
           std::log(parts[0].variance_share / parts[4].variance_share);
  };
  EXPECT_NEAR(slope(0), 2.0, 1e-9);
  EXPECT_NEAR(slope(1), 1.0, 1e-9);
  EXPECT_NEAR((*result)[2].components[0].mean,
              1 - 2 / M_PI * std::acos((*result)[1].components[0].mean),
              1e-3);
  EXPECT_FALSE((*result)[3].components[0].theory.has_value());
}

TEST(BaselinesTest, EveryKindThatIsDefinedLandsWhereItMust) {
  const auto reference = ReferenceOf(MakeRecording());

  const absl::StatusOr<Baselines> baselines = ComputeBaselines(
      *reference, Create({"linear_r2", "nbs"}), {.draws = 4}, nullptr);

  ASSERT_TRUE(baselines.ok()) << baselines.status();
  std::map<std::string, double> r2;
  std::map<std::string, double> nbs;
  for (const Landmark& landmark : baselines->measures[0].landmarks) {
    r2[landmark.kind] = landmark.value;
  }
  for (const Landmark& landmark : baselines->measures[1].landmarks) {
    nbs[landmark.kind] = landmark.value;
  }
  ASSERT_EQ(nbs.size(), 6);
  // Of a condition average, linear R2 = NBS^2.
  EXPECT_NEAR(
      r2["condition_average"], std::pow(nbs["condition_average"], 2), 1e-10);
  // The driven column is the same in every bin.
  EXPECT_GT(nbs["time_shuffle"], 0.7);
  EXPECT_LT(nbs["condition_shuffle"], nbs["time_shuffle"]);
  EXPECT_LT(nbs["noise"], 0.5);
  EXPECT_GT(r2["neuron_subsample"], 0.3);
  ASSERT_EQ(baselines->notes.size(), 1);
  EXPECT_EQ(baselines->notes[0].reason, "NO_REPETITIONS");
}

TEST(BaselinesTest, WithoutTimeOrWithBadRequests) {
  const auto reference = ReferenceOf(MakeDataset(Normals(30, 4, 43)));
  const auto measures = Create({"cka"});

  const absl::StatusOr<Baselines> flat =
      ComputeBaselines(*reference,
                       measures,
                       {.kinds = {"condition_average", "noise"}, .draws = 2},
                       nullptr);
  const absl::Status kind =
      ComputeBaselines(*reference, measures, {.kinds = {"moon"}}, nullptr)
          .status();
  const absl::Status draws =
      ComputeBaselines(*reference, measures, {.draws = 0}, nullptr).status();
  const absl::Status stopped = ComputeBaselines(*reference, measures, {}, [] {
                                 return absl::CancelledError("enough");
                               }).status();

  ASSERT_TRUE(flat.ok());
  ASSERT_EQ(flat->notes.size(), 1);
  EXPECT_EQ(flat->notes[0].reason, "NO_TIME_AXIS");
  EXPECT_EQ(flat->measures[0].landmarks.size(), 1);
  EXPECT_THAT(std::string(kind.message()), HasSubstr("kinds[0]: \"moon\""));
  EXPECT_THAT(std::string(draws.message()), HasSubstr("draws: 0"));
  EXPECT_EQ(stopped.code(), absl::StatusCode::kCancelled);
}

TEST(LabelDecodingTest, DatasetCandidateAndLeadingComponents) {
  const auto reference = ReferenceOf(MakeRecording());
  const HostArray noise = ToHostArray(Normals(120, 3, 44));

  LabelDecodingRequest request;
  request.components = {1, 5};
  request.repeats = 3;

  const absl::StatusOr<LabelDecodings> result =
      DecodeLabels(*reference, &noise, request, nullptr);

  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->labels.size(), 1);
  const LabelDecoding& object = result->labels[0];
  EXPECT_GT(object.label.reference_accuracy, 0.95);
  EXPECT_LT(object.accuracy, 0.7);
  EXPECT_GT(object.standard_deviation, 0.0);
  EXPECT_EQ(object.bins.size(), 4);
  // The class is the first component; all five are the dataset, turned.
  EXPECT_GT(object.component_accuracy[0], 0.95);
  EXPECT_NEAR(
      object.component_accuracy[1], object.label.reference_accuracy, 1e-12);
  ASSERT_EQ(result->notes.size(), 1);
  EXPECT_EQ(result->notes[0].reason, "NOT_DECODABLE");
  EXPECT_THAT(result->notes[0].message, HasSubstr("block: "));
}

TEST(LabelDecodingTest, BadRequestsNameTheField) {
  const auto reference = ReferenceOf(MakeRecording());
  const auto failure = [&](const LabelDecodingRequest& request) {
    const absl::Status status =
        DecodeLabels(*reference, nullptr, request, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return StrCat(status.message());
  };

  LabelDecodingRequest folds;
  folds.labels = {"object", "block"};
  LabelDecodingRequest label;
  label.labels = {"moon"};
  LabelDecodingRequest components;
  components.components = {2, 6};
  LabelDecodingRequest repeats;
  repeats.repeats = 0;

  EXPECT_THAT(failure(folds), HasSubstr("decoding.folds: class \"first\""));
  EXPECT_THAT(failure(label), HasSubstr("decoding.labels[0]: "));
  EXPECT_THAT(failure(components), HasSubstr("components[1]: 6"));
  EXPECT_THAT(failure(repeats), HasSubstr("repeats: 0"));
}

TEST(DecoderTest, MoreFeaturesThanRowsAreDecodedThroughTheirKernel) {
  // Columns of zeros change nothing but the way.
  const std::shared_ptr<const Dataset> dataset = MakeRecording();
  const Table rows = Normals(120, 5, 41);
  Table wide = {120, 60, std::vector<double>(size_t{120} * 60)};
  for (int64_t i = 0; i < 120; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      wide.at(i, j * 12) = rows.at(i, j);
    }
  }
  const auto narrow_decoder = *Decoder::Create(*dataset, "object", {});
  const auto wide_decoder = *Decoder::Create(*dataset, "object", {});

  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(wide_decoder->Decode(wide.values, 60)->bins,
              narrow_decoder->Decode(rows.values, 5)->bins);
  }
}

TEST(DecoderTest, StateCarriesWarmStarts) {
  const std::shared_ptr<const Dataset> dataset = MakeRecording();
  const Table first = Normals(120, 5, 45);
  const Table second = Sum(1.0, first, 0.1, Normals(120, 5, 46));
  const auto whole = *Decoder::Create(*dataset, "object", {});
  const auto resumed = *Decoder::Create(*dataset, "object", {});
  ASSERT_TRUE(whole->Decode(first.values, 5).ok());

  ASSERT_TRUE(resumed->SetState(whole->State()).ok());
  const DecodingResult a = *whole->Decode(second.values, 5);
  const auto b = DecodeTogether({resumed.get()}, second.values, 5, 2);
  ASSERT_TRUE(b.ok()) << b.status();

  EXPECT_EQ(a.bins, b->front().bins);
  EXPECT_EQ(whole->State(), resumed->State());
  EXPECT_EQ(resumed->SetState({3.0, 1.0}).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace repscore::testing
