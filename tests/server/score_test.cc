// ScoringService.Score and ListMeasures.
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/measures/registry.h"
#include "gtest/gtest.h"
#include "server/convert.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

/// A dataset scored against itself is at the optimum but for rounding.
constexpr double kRounding = 1e-9;

class ScoreTest : public ServerFixture {
 protected:
  ScoreTest() { StartServer(); }

  v1::ScoreRequest Request() {
    v1::ScoreRequest request;
    request.set_dataset("datasets/normals");
    *request.mutable_candidate() = MakeTensor(kRows, 4, 9);
    request.add_measures()->set_id("cka");
    return request;
  }
};

TEST_F(ScoreTest, SelfScoreIsOneAndEveryReplySaysWhatItIs) {
  const std::string name = RegisterNormals("normals");
  v1::ScoreRequest request = Request();
  *request.mutable_candidate() = MakeTensor(kRows, kFeatures, 1);
  request.add_measures()->set_id("nbs");

  v1::ScoreResponse response;
  const grpc::Status status = Score(request, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.scores_size(), 2);
  EXPECT_NEAR(response.scores(0).value(), 1.0, kRounding);
  EXPECT_NEAR(response.scores(1).value(), 1.0, kRounding);
  EXPECT_FALSE(response.scores(0).measure().empty());
  EXPECT_EQ(response.provenance().dataset_version(), name);
  EXPECT_EQ(response.provenance().dataset_digest().size(), 64U);
  EXPECT_EQ(response.provenance().backend(), "cpu");
  EXPECT_EQ(response.provenance().precision(), v1::PRECISION_FLOAT64);
  EXPECT_EQ(response.provenance().server_version(), REPSCORE_VERSION);
  EXPECT_EQ(response.candidate().rows(), kRows);
  EXPECT_EQ(response.candidate().features(), kFeatures);
  EXPECT_GT(response.candidate().effective_dimensionality(), 1.0);
}

TEST_F(ScoreTest, TwelveMeasuresComeInTheOrderOfTheRequest) {
  RegisterNormals("normals");
  v1::ScoreRequest request = Request();
  request.clear_measures();
  for (int i = 0; i < 12; ++i) {
    request.add_measures()->set_id(i % 2 == 0 ? "nbs" : "cka");
  }

  v1::ScoreResponse response;
  ASSERT_TRUE(Score(request, &response).ok());

  ASSERT_EQ(response.scores_size(), 12);
  for (int i = 2; i < 12; ++i) {
    EXPECT_EQ(response.scores(i).value(), response.scores(i - 2).value());
    EXPECT_EQ(response.scores(i).measure(), response.scores(i - 2).measure());
  }
}

TEST_F(ScoreTest, OneRequestTakesEveryMeasureThereIs) {
  EXPECT_GE(static_cast<size_t>(kMaxMeasures), RegisteredMeasures().size());
}

TEST_F(ScoreTest, UnknownDatasetIsNotFoundWithItsName) {
  v1::ScoreResponse response;
  const grpc::Status status = Score(Request(), &response);

  ExpectError(
      status, grpc::StatusCode::NOT_FOUND, "DATASET_NOT_FOUND", "dataset");
  EXPECT_EQ(WireDetailsOf(status).resource_type, "dataset");
  EXPECT_EQ(WireDetailsOf(status).resource_name, "datasets/normals");
}

TEST_F(ScoreTest, UnknownMeasureIsNotFoundAndSaysWhichThereAre) {
  RegisterNormals("normals");
  v1::ScoreRequest request = Request();
  request.add_measures()->set_id("ckaa");

  v1::ScoreResponse response;
  const grpc::Status status = Score(request, &response);

  ExpectError(status,
              grpc::StatusCode::NOT_FOUND,
              "MEASURE_NOT_FOUND",
              "measures[1].id");
  EXPECT_NE(status.error_message().find("cka"), std::string::npos);
}

struct BadScore {
  const char* name;
  void (*change)(v1::ScoreRequest&);
  const char* field;
  const char* reason = "INVALID_ARGUMENT";
};

void SetFirst(v1::ScoreRequest& request, double value) {
  std::memcpy(request.mutable_candidate()->mutable_data()->data(),
              &value,
              sizeof(value));
}

class BadScoreTest : public ScoreTest,
                     public ::testing::WithParamInterface<BadScore> {};

TEST_P(BadScoreTest, IsInvalidArgumentNamingTheField) {
  RegisterNormals("normals");
  v1::ScoreRequest request = Request();
  GetParam().change(request);

  v1::ScoreResponse response;
  const grpc::Status status = Score(request, &response);

  ExpectError(status,
              grpc::StatusCode::INVALID_ARGUMENT,
              GetParam().reason,
              GetParam().field);
}

constexpr BadScore kBadScores[] = {
    {"EmptyDataset", [](auto& r) { r.clear_dataset(); }, "dataset"},
    {"MalformedDataset", [](auto& r) { r.set_dataset("normals"); }, "dataset"},
    {"PathDataset", [](auto& r) { r.set_dataset("datasets/../x"); }, "dataset"},
    {"NulDataset",
     [](auto& r) { r.set_dataset(std::string("datasets/a\0b", 12)); },
     "dataset"},
    {"HugeDataset",
     [](auto& r) { r.set_dataset(std::string(10240, 'd')); },
     "dataset"},
    {"NoMeasures", [](auto& r) { r.clear_measures(); }, "measures"},
    {"TooManyMeasures",
     [](auto& r) {
       for (int i = 0; i < kMaxMeasures; ++i) {
         r.add_measures()->set_id("cka");
       }
     },
     "measures"},
    {"EmptyMeasure",
     [](auto& r) { r.add_measures()->set_id(""); },
     "measures[1].id"},
    {"HugeMeasure",
     [](auto& r) { r.add_measures()->set_id(std::string(100000, 'c')); },
     "measures[1].id"},
    {"UnclosedMeasure",
     [](auto& r) { r.add_measures()->set_id("ridge_r2(lambda=1"); },
     "measures[1].id"},
    {"NoCandidate",
     [](auto& r) { r.clear_candidate(); },
     "candidate.spec.data_type"},
    {"UnknownType",
     [](auto& r) {
       r.mutable_candidate()->mutable_spec()->set_data_type(
           static_cast<v1::DataType>(99));
     },
     "candidate.spec.data_type"},
    {"NoShape",
     [](auto& r) { r.mutable_candidate()->mutable_spec()->clear_shape(); },
     "candidate.spec.shape"},
    {"ZeroShape",
     [](auto& r) { r.mutable_candidate()->mutable_spec()->set_shape(0, 0); },
     "candidate.spec.shape[0]"},
    {"NegativeShape",
     [](auto& r) { r.mutable_candidate()->mutable_spec()->set_shape(1, -4); },
     "candidate.spec.shape[1]"},
    {"HugeShape",
     [](auto& r) {
       r.mutable_candidate()->mutable_spec()->set_shape(
           1, std::numeric_limits<int64_t>::max());
     },
     "candidate.spec.shape"},
    {"RankFour",
     [](auto& r) {
       r.mutable_candidate()->mutable_spec()->add_shape(1);
       r.mutable_candidate()->mutable_spec()->add_shape(1);
     },
     "candidate.spec.shape"},
    {"MissingBytes",
     [](auto& r) { r.mutable_candidate()->mutable_data()->pop_back(); },
     "candidate.data"},
    {"ExtraBytes",
     [](auto& r) { r.mutable_candidate()->mutable_data()->push_back('x'); },
     "candidate.data"},
    {"OtherRows",
     [](auto& r) { *r.mutable_candidate() = MakeTensor(39, 4, 9); },
     "candidate.spec.shape",
     "SHAPE_MISMATCH"},
    {"NotANumber",
     [](auto& r) { SetFirst(r, std::numeric_limits<double>::quiet_NaN()); },
     "candidate.data"},
    {"Infinity",
     [](auto& r) { SetFirst(r, std::numeric_limits<double>::infinity()); },
     "candidate.data"},
    {"Constant",
     [](auto& r) {
       std::string& data = *r.mutable_candidate()->mutable_data();
       data.assign(data.size(), '\0');
     },
     "candidate"},
};

INSTANTIATE_TEST_SUITE_P(Score,
                         BadScoreTest,
                         ::testing::ValuesIn(kBadScores),
                         [](const auto& test) { return test.param.name; });

TEST_F(ScoreTest, WhatCannotFitIsRefusedWithTheNumbers) {
  StopServer();
  config_.max_request_memory = 2000;
  StartServer();
  RegisterNormals("normals");

  v1::ScoreResponse response;
  const grpc::Status status = Score(Request(), &response);

  ExpectError(status, grpc::StatusCode::RESOURCE_EXHAUSTED, "HOST_MEMORY", "");
  EXPECT_FALSE(WireDetailsOf(status).has_retry);
  EXPECT_NE(status.error_message().find("MiB"), std::string::npos);
}

TEST_F(ScoreTest, MessagesBeyondTheLimitAreRefused) {
  StopServer();
  config_.max_message_bytes = 64 << 10;
  StartServer();
  v1::ScoreRequest request = Request();
  *request.mutable_candidate() = MakeTensor(kRows, 1000, 9);

  v1::ScoreResponse response;
  const grpc::Status status = Score(request, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(ScoreTest, ConcurrentCallsOnTwoLanesGiveTheSameNumber) {
  StopServer();
  config_.lanes = 2;
  StartServer();
  RegisterNormals("normals");
  constexpr int kThreads = 8;
  constexpr int kCalls = 20;
  std::vector<std::set<double>> values(kThreads);

  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, &mine = values[static_cast<size_t>(i)]] {
      for (int call = 0; call < kCalls; ++call) {
        v1::ScoreResponse response;
        if (Score(Request(), &response).ok()) {
          mine.insert(response.scores(0).value());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  for (const std::set<double>& mine : values) {
    EXPECT_EQ(mine, values[0]);
    EXPECT_EQ(mine.size(), 1U);
  }
}

TEST_F(ScoreTest, DeadlineInThePastEndsTheCallAlone) {
  RegisterNormals("normals");
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() -
                       std::chrono::seconds(1));
  v1::ScoreResponse response;

  const grpc::Status late = scoring_->Score(&context, Request(), &response);
  const grpc::Status next = Score(Request(), &response);

  EXPECT_EQ(late.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(next.ok()) << next.error_message();
}

TEST_F(ScoreTest, ListMeasuresDescribesEveryRegisteredOne) {
  grpc::ClientContext context;
  v1::ListMeasuresResponse response;

  const grpc::Status status = scoring_->ListMeasures(&context, {}, &response);

  ASSERT_TRUE(status.ok());
  EXPECT_EQ(static_cast<size_t>(response.measures_size()),
            RegisteredMeasures().size());
  for (const v1::MeasureDescription& measure : response.measures()) {
    EXPECT_FALSE(measure.canonical().empty()) << measure.id();
    EXPECT_FALSE(measure.source().empty()) << measure.id();
    EXPECT_NE(measure.orientation(), v1::ORIENTATION_UNSPECIFIED);
  }
}

}  // namespace
}  // namespace repscore::server
