// AnalysisService: decoding, baselines and perturbations of a dataset.
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/analysis_fixture.h"

namespace repscore::server {
namespace {

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;

class AnalysisServiceTest : public AnalysisFixture {
 protected:
  static v1::DecodeLabelsRequest DecodeContext() {
    v1::DecodeLabelsRequest request;
    request.set_dataset(kDataset);
    request.mutable_decoding()->add_labels("context");
    return request;
  }
  static v1::ComputeBaselinesRequest BaselinesOf(
      const std::vector<std::string>& measures) {
    v1::ComputeBaselinesRequest request;
    request.set_dataset(kDataset);
    for (const std::string& measure : measures) {
      request.add_measures()->set_id(measure);
    }
    return request;
  }
};

TEST_F(AnalysisServiceTest, DecodesEveryLabelThatCanBe) {
  v1::DecodeLabelsRequest request;
  request.set_dataset(kDataset);
  request.add_components(1);
  request.add_components(3);
  v1::DecodeLabelsResponse response;

  const grpc::Status status = Decode(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.labels_size(), 2);
  EXPECT_EQ(response.labels(0).label().label(), "context");
  EXPECT_EQ(response.labels(1).label().label(), "choice");
  for (const v1::LabelDecoding& decoding : response.labels()) {
    EXPECT_EQ(decoding.label().classes(), 2);
    EXPECT_DOUBLE_EQ(decoding.label().chance(), 0.5);
    EXPECT_EQ(decoding.bins_size(), kTimes);
    EXPECT_EQ(decoding.component_accuracy_size(), 2);
    EXPECT_EQ(decoding.accuracy(), decoding.label().reference_accuracy());
  }
  std::set<std::string> left_out;
  for (const v1::Warning& note : response.notes()) {
    EXPECT_EQ(note.reason(), "NOT_DECODABLE");
    left_out.insert(note.message());
  }
  EXPECT_EQ(left_out.size(), 2U);
  EXPECT_EQ(response.provenance().dataset_version(),
            "datasets/labelled/versions/1");
}

TEST_F(AnalysisServiceTest, ACandidateIsDecodedBesideTheDataset) {
  v1::DecodeLabelsRequest request = DecodeContext();
  *request.mutable_candidate() = MakeTensor(kTimes * kConditions, 4, 9);
  request.set_repeats(3);
  v1::DecodeLabelsResponse with;
  v1::DecodeLabelsResponse without;

  ASSERT_TRUE(Decode(request, &with).ok());
  request.clear_candidate();
  ASSERT_TRUE(Decode(request, &without).ok());

  EXPECT_EQ(with.labels(0).label().reference_accuracy(),
            without.labels(0).accuracy());
  EXPECT_GE(with.labels(0).accuracy(), 0.0);
  EXPECT_LE(with.labels(0).accuracy(), 1.0);
}

TEST_F(AnalysisServiceTest, TheSameDecodingTwiceIsTheSame) {
  v1::DecodeLabelsResponse first;
  v1::DecodeLabelsResponse second;

  ASSERT_TRUE(Decode(DecodeContext(), &first).ok());
  ASSERT_TRUE(Decode(DecodeContext(), &second).ok());

  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
}

struct BadDecode {
  const char* name;
  void (*change)(v1::DecodeLabelsRequest&);
  const char* field;
  const char* reason = "INVALID_ARGUMENT";
};

class BadDecodeTest : public AnalysisServiceTest,
                      public ::testing::WithParamInterface<BadDecode> {};

TEST_P(BadDecodeTest, IsInvalidArgumentNamingTheField) {
  v1::DecodeLabelsRequest request = DecodeContext();
  GetParam().change(request);
  v1::DecodeLabelsResponse response;

  ExpectError(Decode(request, &response),
              kInvalid,
              GetParam().reason,
              GetParam().field);
}

constexpr BadDecode kBadDecodes[] = {
    {"NoDataset", [](auto& r) { r.clear_dataset(); }, "dataset"},
    {"UnknownLabel",
     [](auto& r) { r.mutable_decoding()->add_labels("colour"); },
     "decoding.labels[1]"},
    {"LabelTwice",
     [](auto& r) { r.mutable_decoding()->add_labels("context"); },
     "decoding.labels[1]"},
    {"SingleClass",
     [](auto& r) { r.mutable_decoding()->set_labels(0, "same"); },
     "decoding.labels[0]"},
    {"FewerMembersThanFolds",
     [](auto& r) { r.mutable_decoding()->set_labels(0, "rare"); },
     "decoding.folds"},
    {"OneFold",
     [](auto& r) { r.mutable_decoding()->set_folds(1); },
     "decoding.folds"},
    {"NegativeC",
     [](auto& r) { r.mutable_decoding()->set_c(-1.0); },
     "decoding.c"},
    {"FoldsOf",
     [](auto& r) { r.mutable_decoding()->set_folds_of("colour"); },
     "decoding.folds_of"},
    {"NoRepeats", [](auto& r) { r.set_repeats(0); }, "repeats"},
    {"TooManyRepeats", [](auto& r) { r.set_repeats(101); }, "repeats"},
    {"Components", [](auto& r) { r.add_components(0); }, "components[0]"},
    {"MoreComponentsThanFeatures",
     [](auto& r) { r.add_components(7); },
     "components[0]"},
    {"CandidateRows",
     [](auto& r) { *r.mutable_candidate() = MakeTensor(35, 4, 1); },
     "candidate.spec.shape",
     "SHAPE_MISMATCH"},
    {"CandidateBytes",
     [](auto& r) {
       *r.mutable_candidate() = MakeTensor(36, 4, 1);
       r.mutable_candidate()->mutable_data()->pop_back();
     },
     "candidate.data"},
};

INSTANTIATE_TEST_SUITE_P(DecodeLabels,
                         BadDecodeTest,
                         ::testing::ValuesIn(kBadDecodes),
                         [](const auto& test) { return test.param.name; });

TEST_F(AnalysisServiceTest, BaselinesAreComputedOnceAndKept) {
  v1::ComputeBaselinesResponse first;
  v1::ComputeBaselinesResponse second;
  v1::ComputeBaselinesResponse other_seed;
  v1::ComputeBaselinesRequest request = BaselinesOf({"cka", "nbs"});

  ASSERT_TRUE(Baselines(request, &first).ok());
  EXPECT_TRUE(Eventually([&] {
    second.Clear();
    return Baselines(request, &second).ok() && second.stored();
  }));
  StopServer();
  StartAnalysis();
  v1::ComputeBaselinesResponse restarted;
  ASSERT_TRUE(Baselines(request, &restarted).ok());
  request.set_seed(1);
  ASSERT_TRUE(Baselines(request, &other_seed).ok());

  EXPECT_FALSE(first.stored());
  EXPECT_TRUE(restarted.stored());
  EXPECT_FALSE(other_seed.stored());
  ASSERT_EQ(first.measures_size(), 2);
  std::set<std::string> kinds;
  for (const v1::Landmark& landmark : first.measures(0).landmarks()) {
    kinds.insert(landmark.kind());
  }
  EXPECT_TRUE(kinds.count("condition_average"));
  EXPECT_TRUE(kinds.count("noise"));
  EXPECT_FALSE(kinds.count("split_half"));
  ASSERT_EQ(first.notes_size(), 1);
  EXPECT_EQ(first.notes(0).reason(), "NO_REPETITIONS");
  restarted.set_stored(false);
  EXPECT_EQ(restarted.SerializeAsString(), first.SerializeAsString());
}

TEST_F(AnalysisServiceTest, BaselinesOfOneMeasureServeAnotherRequest) {
  v1::ComputeBaselinesResponse response;
  ASSERT_TRUE(Baselines(BaselinesOf({"cka", "nbs"}), &response).ok());
  v1::ComputeBaselinesRequest request = BaselinesOf({"nbs"});
  request.add_kinds("noise");

  EXPECT_TRUE(Eventually([&] {
    response.Clear();
    return Baselines(request, &response).ok() && response.stored();
  }));

  ASSERT_EQ(response.measures_size(), 1);
  ASSERT_EQ(response.measures(0).landmarks_size(), 1);
  EXPECT_EQ(response.measures(0).landmarks(0).kind(), "noise");
}

TEST_F(AnalysisServiceTest, BadBaselinesNameTheField) {
  v1::ComputeBaselinesResponse response;
  v1::ComputeBaselinesRequest kinds = BaselinesOf({"cka"});
  kinds.add_kinds("noise");
  kinds.add_kinds("luck");
  v1::ComputeBaselinesRequest draws = BaselinesOf({"cka"});
  draws.set_draws(1001);

  ExpectError(
      Baselines(kinds, &response), kInvalid, "INVALID_ARGUMENT", "kinds[1]");
  ExpectError(
      Baselines(draws, &response), kInvalid, "INVALID_ARGUMENT", "draws");
  ExpectError(Baselines(BaselinesOf({}), &response),
              kInvalid,
              "INVALID_ARGUMENT",
              "measures");
}

TEST_F(AnalysisServiceTest, PerturbationsComeWithTheoryAndAreKept) {
  v1::PerturbComponentsRequest request;
  request.set_dataset(kDataset);
  request.add_measures()->set_id("nbs");
  request.add_measures()->set_id("ridge_r2");
  request.set_components(3);
  request.set_draws(4);
  v1::PerturbComponentsResponse first;
  v1::PerturbComponentsResponse second;

  const grpc::Status status = Perturb(request, &first);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(Eventually([&] {
    second.Clear();
    return Perturb(request, &second).ok() && second.stored();
  }));

  EXPECT_FALSE(first.stored());
  ASSERT_EQ(first.measures_size(), 2);
  ASSERT_EQ(first.measures(0).components_size(), 3);
  const v1::ComponentPerturbation& leading = first.measures(0).components(0);
  EXPECT_EQ(leading.component(), 1);
  EXPECT_DOUBLE_EQ(leading.theory(), 1.0 - leading.variance_share());
  EXPECT_FALSE(first.measures(1).components(0).has_theory());
  second.set_stored(false);
  EXPECT_EQ(second.SerializeAsString(), first.SerializeAsString());
}

TEST_F(AnalysisServiceTest, BadPerturbationsNameTheField) {
  v1::PerturbComponentsRequest request;
  request.set_dataset(kDataset);
  request.add_measures()->set_id("cka");
  v1::PerturbComponentsResponse response;

  request.set_components(0);
  ExpectError(
      Perturb(request, &response), kInvalid, "INVALID_ARGUMENT", "components");
  request.clear_components();
  request.set_draws(0);
  ExpectError(
      Perturb(request, &response), kInvalid, "INVALID_ARGUMENT", "draws");
}

TEST_F(AnalysisServiceTest, AnExperimentEndsWithItsDeadline) {
  v1::ComputeBaselinesRequest request = BaselinesOf({"ridge_r2", "nbs"});
  request.set_dataset(RegisterNormals("large", 1500, 200, 3));
  request.set_draws(1000);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(300));
  v1::ComputeBaselinesResponse response;

  const grpc::Status status =
      analysis_->ComputeBaselines(&context, request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  v1::ScoreRequest score;
  score.set_dataset(kDataset);
  *score.mutable_candidate() = MakeTensor(kTimes * kConditions, 4, 9);
  score.add_measures()->set_id("cka");
  v1::ScoreResponse scores;
  EXPECT_TRUE(Score(score, &scores).ok());
}

}  // namespace
}  // namespace repscore::server
