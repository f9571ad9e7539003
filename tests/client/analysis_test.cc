#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "client/cpp/client.h"
#include "core/base/digest.h"
#include "tests/client/fake_calibration.h"
#include "tests/client/fake_server.h"
#include "tests/client/test_client.h"

namespace repscore::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kArray[] = "runs/abc/members/0/candidate";

v1::MeasureSpec Measure(const std::string& id) {
  v1::MeasureSpec measure;
  measure.set_id(id);
  return measure;
}

class AnalysisTest : public testing::Test {
 protected:
  FakeServer server_;
  std::unique_ptr<Client> client_ = ConnectTo(server_);
};

TEST_F(AnalysisTest, DecodeLabelsSendsTheRequestAndGivesTheResponse) {
  v1::DecodeLabelsRequest request;
  request.set_dataset("datasets/mante");
  request.add_components(4);

  const auto response = client_->DecodeLabels(request);

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(server_.seen.decode.dataset(), "datasets/mante");
  EXPECT_EQ(response->labels(1).component_accuracy(0), 0.125);
}

TEST_F(AnalysisTest, BaselinesAndPerturbationsKeepTheMeasuresOrder) {
  v1::ComputeBaselinesRequest baselines;
  *baselines.add_measures() = Measure("cka");
  *baselines.add_measures() = Measure("nbs");
  v1::PerturbComponentsRequest perturb;
  *perturb.add_measures() = Measure("nbs");

  const auto landed = client_->ComputeBaselines(baselines);
  const auto perturbed = client_->PerturbComponents(perturb);

  ASSERT_TRUE(landed.ok()) << landed.status();
  EXPECT_EQ(landed->measures(1).measure(), "nbs(canonical=yes)");
  ASSERT_TRUE(perturbed.ok()) << perturbed.status();
  EXPECT_EQ(perturbed->measures(0).components(1).variance_share(), 0.25);
}

TEST_F(AnalysisTest, CalibrateDatasetGivesTheRunsOfThePlan) {
  v1::CalibrationPlan plan;
  *plan.add_measures() = Measure("cka");
  plan.set_restarts(5);

  const auto runs = client_->CalibrateDataset("datasets/mante", plan);

  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 1);
  EXPECT_EQ(runs->front().name(), kRun);
  EXPECT_EQ(server_.seen.calibrate.dataset(), "datasets/mante");
  EXPECT_EQ(server_.seen.calibrate.plan().restarts(), 5);
}

TEST_F(AnalysisTest, GetCalibrationAsksForAllMeasuresByDefault) {
  server_.script.calibrations = {MakeCalibration("cka", 3)};

  const auto all = client_->GetCalibration("datasets/mante");
  const int asked = server_.seen.calibration.measures_size();
  const auto one = client_->GetCalibration("datasets/mante", {Measure("cka")});

  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->measures(0).points_size(), 3);
  EXPECT_EQ(asked, 0);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(server_.seen.calibration.measures(0).id(), "cka");
}

TEST_F(AnalysisTest, ExperimentsAreAskedForAgainWhenTheServerIsAway) {
  server_.FailNext("ComputeBaselines", {grpc::StatusCode::UNAVAILABLE, "no"});

  const auto response = client_->ComputeBaselines({});

  EXPECT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(server_.calls("ComputeBaselines"), 2);
}

TEST_F(AnalysisTest, RunArrayArrivesWholeUnderItsDigest) {
  const auto array = client_->ReadRunArray(kArray, Sha256Hex(CandidateBytes()));

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(server_.seen.array_name, kArray);
  EXPECT_EQ(array->spec,
            (ArraySpec{.type = DataType::kFloat64, .shape = {2, 3}}));
  ASSERT_EQ(array->data.size(), CandidateBytes().size());
  EXPECT_EQ(
      std::memcmp(
          array->data.data(), CandidateBytes().data(), array->data.size()),
      0);
}

TEST_F(AnalysisTest, RunArrayOfABrokenStreamIsReadAgain) {
  server_.script.break_in_candidate = true;

  const auto array = client_->ReadRunArray(kArray);

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->data.size(), CandidateBytes().size());
  EXPECT_EQ(server_.calls("ReadRunArray"), 2);
}

TEST_F(AnalysisTest, RunArrayWithAnotherDigestIsDataLoss) {
  server_.script.corrupt_candidate = true;

  const auto array = client_->ReadRunArray(kArray, Sha256Hex(CandidateBytes()));

  EXPECT_EQ(array.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(array.status().message(), HasSubstr(kArray));
}

TEST_F(AnalysisTest, DeviceGoesWithEveryScore) {
  const std::vector<double> values = {1.0, 2.0};
  const ArrayView array = {
      .spec = {.type = DataType::kFloat64, .shape = {2, 1}},
      .data = absl::MakeConstSpan(
          reinterpret_cast<const std::byte*>(values.data()), 16)};
  const std::vector<std::byte> large(kMaxInlineBytes + 1);
  const ArrayView streamed = {
      .spec = {.type = DataType::kUint8,
               .shape = {static_cast<int64_t>(large.size())}},
      .data = large};
  const std::vector<v1::MeasureSpec> measures = {Measure("cka")};
  const ScoreOptions options = {.device = "cuda:0"};

  EXPECT_TRUE(client_->Score("datasets/m", array, measures, options).ok());
  const std::string inline_device = server_.seen.score.device();
  EXPECT_TRUE(client_->Score("datasets/m", streamed, measures, options).ok());
  EXPECT_TRUE(
      client_->ScoreLayers("datasets/m", {{"a", array}}, measures, options)
          .ok());
  EXPECT_TRUE(client_->Compare(array, array, measures, {}, "cuda:0").ok());
  EXPECT_TRUE(
      client_
          ->EstimateScore(
              "datasets/m", ToTensorSpec(array.spec), measures, {}, "cuda:0")
          .ok());

  EXPECT_EQ(inline_device, "cuda:0");
  EXPECT_EQ(server_.seen.score.device(), "cuda:0");
  EXPECT_EQ(server_.seen.stream_header.device(), "cuda:0");
  EXPECT_EQ(server_.seen.compare.device(), "cuda:0");
  EXPECT_EQ(server_.seen.estimate.device(), "cuda:0");
}

TEST_F(AnalysisTest, RegistrationTakesACalibrationPlanAlong) {
  const std::vector<std::byte> bytes(4);
  const ArrayView array = {.spec = {.type = DataType::kUint8, .shape = {4}},
                           .data = bytes};
  RegisterDatasetOptions options = {.dataset_id = "mante"};

  ASSERT_TRUE(client_->RegisterDataset(options, array).ok());
  const bool without = server_.seen.header.has_calibration();
  options.calibration.emplace();
  *options.calibration->add_measures() = Measure("cka");
  ASSERT_TRUE(client_->RegisterDataset(options, array).ok());

  EXPECT_FALSE(without);
  EXPECT_EQ(server_.seen.header.calibration().measures(0).id(), "cka");
}

TEST_F(AnalysisTest, ObserverSeesSnapshots) {
  server_.script.events = MakeMemberEvents(2, /*with_targets=*/false);
  std::vector<int> members;

  const auto outcome =
      client_->Optimize({}, {.on_event = [&](const v1::RunEvent& event) {
                          if (event.has_snapshot()) {
                            members.push_back(event.snapshot().member());
                          }
                          return true;
                        }});

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(members, ElementsAre(0, 1));
  EXPECT_EQ(outcome->result.members_size(), 2);
}

}  // namespace
}  // namespace repscore::client
