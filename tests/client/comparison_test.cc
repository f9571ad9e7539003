#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "client/cpp/errors.h"
#include "tests/client/fake_server.h"
#include "tests/client/test_client.h"

namespace repscore::client {
namespace {

using testing::ElementsAre;

grpc::Status Unavailable() {
  return {grpc::StatusCode::UNAVAILABLE, "no"};
}

std::vector<v1::MeasureSpec> Measures(const std::vector<std::string>& ids) {
  std::vector<v1::MeasureSpec> measures;
  for (const std::string& id : ids) {
    measures.emplace_back().set_id(id);
  }
  return measures;
}

// An array [size] of uint8 zeros.
struct ZeroArray {
  explicit ZeroArray(size_t size) : bytes(size) {}

  ArrayView view() const {
    return {.spec = {.type = DataType::kUint8,
                     .shape = {static_cast<int64_t>(bytes.size())}},
            .data = bytes};
  }

  std::vector<std::byte> bytes;
};

ScoreOptions AllOptions() {
  ScoreOptions options;
  options.context.set_bootstrap_draws(100);
  options.context.set_seed(7);
  options.row_ids = {"a", "b"};
  return options;
}

v1::ComparePairwiseRequest TwoSystems() {
  v1::ComparePairwiseRequest request;
  for (const char* name : {"a", "b"}) {
    v1::System& system = *request.add_systems();
    system.set_name(name);
    system.set_dataset(std::string("datasets/") + name);
  }
  request.add_measures()->set_id("nbs");
  return request;
}

class ComparisonTest : public testing::Test {
 protected:
  FakeServer server_;
  std::unique_ptr<Client> client_ = ConnectTo(server_);
};

TEST_F(ComparisonTest, ScoreSendsContextAndRowIds) {
  const auto response = client_->Score(
      "datasets/mante", ZeroArray(2).view(), Measures({"cka"}), AllOptions());

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->scores(0).context().interval().draws(), 100);
  EXPECT_EQ(response->reference().rows(), 12);
  EXPECT_EQ(server_.seen.score.context().seed(), 7);
  EXPECT_THAT(server_.seen.score.row_ids(), ElementsAre("a", "b"));
}

TEST_F(ComparisonTest, StreamScoreSendsContextAndRowIds) {
  const auto response = client_->Score("datasets/mante",
                                       ZeroArray(kMaxInlineBytes + 1).view(),
                                       Measures({"cka"}),
                                       AllOptions());

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->scores(0).context().interval().draws(), 100);
  EXPECT_EQ(response->reference().rows(), 12);
  EXPECT_EQ(server_.seen.stream_header.context().seed(), 7);
  EXPECT_THAT(server_.seen.stream_header.row_ids(), ElementsAre("a", "b"));
}

TEST_F(ComparisonTest, ScoreWithoutOptionsHasNoContext) {
  const auto response =
      client_->Score("datasets/mante", ZeroArray(2).view(), Measures({"cka"}));

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->scores(0).context().has_interval());
  EXPECT_FALSE(response->has_reference());
  EXPECT_TRUE(server_.seen.score.row_ids().empty());
}

TEST_F(ComparisonTest, LayersGoInOneMessage) {
  const ZeroArray first(2);
  const ZeroArray second(3);
  server_.FailNext("Score", Unavailable());

  const auto response =
      client_->ScoreLayers("datasets/mante",
                           {{"conv1", first.view()}, {"conv2", second.view()}},
                           Measures({"cka"}),
                           AllOptions());

  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->layers_size(), 2);
  EXPECT_EQ(response->layers(1).name(), "conv2");
  EXPECT_EQ(response->layers(1).scores_size(), 1);
  EXPECT_FALSE(server_.seen.score.has_candidate());
  EXPECT_EQ(server_.seen.score.layers(1).candidate().spec().shape(0), 3);
  EXPECT_THAT(server_.seen.score.row_ids(), ElementsAre("a", "b"));
  EXPECT_EQ(server_.calls("Score"), 2);
}

TEST_F(ComparisonTest, RegistrationSendsRowIds) {
  RegisterDatasetOptions options{.dataset_id = "mante"};
  options.row_ids = {"s1", "s1"};

  const auto response = client_->RegisterDataset(options, ZeroArray(2).view());

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(server_.seen.header.row_ids(), ElementsAre("s1", "s1"));
}

TEST_F(ComparisonTest, MeasuresAreDescribedByTheServer) {
  server_.FailNext("DescribeMeasure", Unavailable());

  const auto measure = client_->DescribeMeasure(Measures({"cka"})[0]);
  const auto unknown = client_->DescribeMeasure(Measures({"nope"})[0]);

  ASSERT_TRUE(measure.ok()) << measure.status();
  EXPECT_EQ(measure->canonical(), "cka(canonical=yes)");
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorDetailsOf(unknown.status())->reason, "UNKNOWN_MEASURE");
}

TEST_F(ComparisonTest, EstimateSendsEverythingButTheData) {
  server_.FailNext("EstimateScore", Unavailable());

  const auto estimate = client_->EstimateScore("datasets/mante",
                                               ToTensorSpec({.shape = {9, 4}}),
                                               Measures({"cka"}),
                                               AllOptions().context);

  ASSERT_TRUE(estimate.ok()) << estimate.status();
  EXPECT_EQ(estimate->peak_bytes(), 8192);
  EXPECT_EQ(server_.seen.estimate.dataset(), "datasets/mante");
  EXPECT_THAT(server_.seen.estimate.candidate().shape(), ElementsAre(9, 4));
  EXPECT_EQ(server_.seen.estimate.measures(0).id(), "cka");
  EXPECT_EQ(server_.seen.estimate.context().bootstrap_draws(), 100);
}

TEST_F(ComparisonTest, CompareSendsBothArrays) {
  server_.FailNext("Compare", Unavailable());

  const auto response = client_->Compare(ZeroArray(2).view(),
                                         ZeroArray(3).view(),
                                         Measures({"cka", "nbs"}),
                                         AllOptions().context);

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->scores_size(), 2);
  EXPECT_EQ(response->provenance().backend(), "cpu");
  EXPECT_EQ(server_.seen.compare.candidate().data().size(), 2);
  EXPECT_EQ(server_.seen.compare.reference().data().size(), 3);
  EXPECT_EQ(server_.seen.compare.context().seed(), 7);
  EXPECT_EQ(server_.calls("Compare"), 2);
}

TEST_F(ComparisonTest, PairwiseReportsProgressAndGivesTheMatrices) {
  std::vector<int64_t> done;

  const auto result = client_->ComparePairwise(
      TwoSystems(), [&done](const v1::PairwiseProgress& progress) {
        done.push_back(progress.pairs_done());
        return true;
      });

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(done, ElementsAre(1, 2, 3));
  EXPECT_THAT(result->names(), ElementsAre("a", "b"));
  EXPECT_THAT(result->matrices(0).values(), ElementsAre(0, 0.5, 0.5, 0));
  EXPECT_EQ(server_.seen.pairwise.systems(1).dataset(), "datasets/b");
}

TEST_F(ComparisonTest, BrokenPairwiseStreamsBeginAgain) {
  server_.script.pairwise_breaks = 2;

  const auto result = client_->ComparePairwise(TwoSystems());

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->matrices_size(), 1);
  EXPECT_EQ(server_.calls("ComparePairwise"), 3);
}

TEST_F(ComparisonTest, PairwiseStopsWhenTheObserverDoes) {
  int seen = 0;

  const auto result = client_->ComparePairwise(
      TwoSystems(),
      [&seen](const v1::PairwiseProgress&) { return ++seen < 2; });

  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(server_.calls("ComparePairwise"), 1);
}

TEST_F(ComparisonTest, PairwiseErrorsAreTheServers) {
  server_.FailNext("ComparePairwise",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "linear_r2 is not symmetric",
                             {"NOT_SYMMETRIC", "measures[0]", {}}));

  const auto result = client_->ComparePairwise(TwoSystems());

  EXPECT_EQ(result.status().message(), "linear_r2 is not symmetric");
  EXPECT_EQ(ErrorDetailsOf(result.status())->reason, "NOT_SYMMETRIC");
}

TEST_F(ComparisonTest, UnaryComparisonsAreRetried) {
  for (const char* method :
       {"EmbedDistances", "ComputeFrechetMean", "AggregateScores"}) {
    server_.FailNext(method, Unavailable(), 2);
  }
  v1::EmbedDistancesRequest embed;
  embed.mutable_distances()->Resize(4, 0.0);
  embed.set_dimensions(1);
  v1::ComputeFrechetMeanRequest mean;
  mean.add_systems();
  v1::AggregateScoresRequest aggregate;
  aggregate.add_systems("a");
  aggregate.add_measures()->set_id("cka");
  aggregate.add_scores(0.5);

  const auto points = client_->EmbedDistances(embed);
  const auto average = client_->ComputeFrechetMean(mean);
  const auto ranking = client_->AggregateScores(aggregate);

  ASSERT_TRUE(points.ok()) << points.status();
  ASSERT_TRUE(average.ok()) << average.status();
  ASSERT_TRUE(ranking.ok()) << ranking.status();
  EXPECT_THAT(points->points(), ElementsAre(0, 1));
  EXPECT_EQ(average->iterations(), 7);
  EXPECT_THAT(ranking->arithmetic_mean(), ElementsAre(0.5));
  EXPECT_EQ(server_.calls("AggregateScores"), 3);
}

TEST_F(ComparisonTest, BusyServersAreAskedAgain) {
  const grpc::Status busy = MakeError(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                      "queue full",
                                      {"QUEUE_FULL", "", 30});
  server_.FailNext("Compare", busy, 2);
  server_.FailNext("ComparePairwise", busy);

  EXPECT_TRUE(
      client_
          ->Compare(ZeroArray(2).view(), ZeroArray(2).view(), Measures({"cka"}))
          .ok());
  EXPECT_TRUE(client_->ComparePairwise(TwoSystems()).ok());
}

}  // namespace
}  // namespace repscore::client
