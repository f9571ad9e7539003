// ScoringService.StreamScore.
#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

class StreamScoreTest : public ServerFixture {
 protected:
  using Writer = grpc::ClientWriter<v1::StreamScoreRequest>;

  StreamScoreTest() {
    StartServer();
    RegisterNormals("normals");
  }

  static v1::StreamScoreRequest HeaderOf(const v1::Tensor& candidate) {
    v1::StreamScoreRequest message;
    v1::StreamScoreHeader* header = message.mutable_header();
    header->set_dataset("datasets/normals");
    *header->mutable_candidate() = candidate.spec();
    header->add_measures()->set_id("cka");
    header->add_measures()->set_id("nbs");
    return message;
  }

  static v1::StreamScoreRequest Chunk(const std::string& data) {
    v1::StreamScoreRequest message;
    message.mutable_chunk()->set_data(data);
    return message;
  }

  grpc::Status Send(const std::vector<v1::StreamScoreRequest>& messages,
                    v1::StreamScoreResponse* response) {
    grpc::ClientContext context;
    const auto writer = scoring_->StreamScore(&context, response);
    for (const v1::StreamScoreRequest& message : messages) {
      if (!writer->Write(message)) {
        break;
      }
    }
    writer->WritesDone();
    return writer->Finish();
  }

  grpc::Status SendCut(const v1::Tensor& candidate,
                       size_t chunk_bytes,
                       v1::StreamScoreResponse* response) {
    std::vector<v1::StreamScoreRequest> messages = {HeaderOf(candidate)};
    for (size_t at = 0; at < candidate.data().size(); at += chunk_bytes) {
      messages.push_back(Chunk(candidate.data().substr(at, chunk_bytes)));
    }
    return Send(messages, response);
  }
};

TEST_F(StreamScoreTest, EqualsScoreHoweverTheBytesAreCut) {
  const v1::Tensor candidate = MakeTensor(kRows, 4, 9);
  v1::ScoreRequest inline_request;
  inline_request.set_dataset("datasets/normals");
  *inline_request.mutable_candidate() = candidate;
  inline_request.add_measures()->set_id("cka");
  inline_request.add_measures()->set_id("nbs");
  v1::ScoreResponse expected;
  ASSERT_TRUE(Score(inline_request, &expected).ok());

  for (const size_t chunk_bytes : {7U, 64U, 1000U, 1U << 20U}) {
    v1::StreamScoreResponse response;
    const grpc::Status status = SendCut(candidate, chunk_bytes, &response);

    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.scores_size(), 2);
    EXPECT_EQ(response.scores(0).value(), expected.scores(0).value());
    EXPECT_EQ(response.scores(1).value(), expected.scores(1).value());
    EXPECT_EQ(response.provenance().dataset_version(),
              expected.provenance().dataset_version());
    EXPECT_EQ(response.candidate().rows(), kRows);
  }
}

TEST_F(StreamScoreTest, CandidatesBeyondOneMessageAndTheQueueAreScored) {
  const int64_t rows = 3000;
  const int64_t features = 500;
  RegisterNormals("large", rows, 3, 5);
  const v1::Tensor candidate = MakeTensor(rows, features, 6);
  v1::StreamScoreRequest header = HeaderOf(candidate);
  header.mutable_header()->set_dataset("datasets/large");
  std::vector<v1::StreamScoreRequest> messages = {header};
  for (size_t at = 0; at < candidate.data().size(); at += 1 << 20) {
    messages.push_back(Chunk(candidate.data().substr(at, 1 << 20)));
  }

  v1::StreamScoreResponse response;
  const grpc::Status status = Send(messages, &response);

  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.candidate().features(), features);
}

TEST_F(StreamScoreTest, SlowClientsDoNotHoldTheLane) {
  const v1::Tensor candidate = MakeTensor(kRows, 4, 9);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<v1::StreamScoreResponse>> responses;
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < 20; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    responses.push_back(std::make_unique<v1::StreamScoreResponse>());
    writers.push_back(
        scoring_->StreamScore(contexts.back().get(), responses.back().get()));
    ASSERT_TRUE(writers.back()->Write(HeaderOf(candidate)));
    ASSERT_TRUE(writers.back()->Write(Chunk(candidate.data().substr(0, 100))));
  }

  v1::StreamScoreResponse other;
  const grpc::Status quick = SendCut(candidate, 1000, &other);
  for (auto& writer : writers) {
    writer->Write(Chunk(candidate.data().substr(100)));
    writer->WritesDone();
  }

  EXPECT_TRUE(quick.ok()) << quick.error_message();
  for (size_t i = 0; i < writers.size(); ++i) {
    const grpc::Status status = writers[i]->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(responses[i]->scores(0).value(), other.scores(0).value());
  }
}

TEST_F(StreamScoreTest, NothingAtAllIsAMissingHeader) {
  v1::StreamScoreResponse response;
  ExpectError(Send({}, &response),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "header");
}

TEST_F(StreamScoreTest, ChunkBeforeTheHeaderIsRefused) {
  v1::StreamScoreResponse response;
  ExpectError(Send({Chunk("12345678")}, &response),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "header");
}

TEST_F(StreamScoreTest, SecondHeaderIsRefused) {
  const v1::StreamScoreRequest header = HeaderOf(MakeTensor(kRows, 4, 9));
  v1::StreamScoreResponse response;
  ExpectError(Send({header, header}, &response),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "header");
}

TEST_F(StreamScoreTest, EmptyMessageIsRefused) {
  v1::StreamScoreResponse response;
  ExpectError(Send({HeaderOf(MakeTensor(kRows, 4, 9)), {}}, &response),
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "payload");
}

TEST_F(StreamScoreTest, MissingAndExtraBytesAreRefused) {
  v1::Tensor candidate = MakeTensor(kRows, 4, 9);
  const v1::StreamScoreRequest header = HeaderOf(candidate);
  v1::StreamScoreResponse response;

  const grpc::Status missing =
      Send({header, Chunk(candidate.data().substr(8))}, &response);
  const grpc::Status extra =
      Send({header, Chunk(candidate.data() + "x")}, &response);

  ExpectError(missing,
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "candidate.data");
  ExpectError(extra,
              grpc::StatusCode::INVALID_ARGUMENT,
              "INVALID_ARGUMENT",
              "candidate.data");
}

TEST_F(StreamScoreTest, BadHeaderEndsTheStreamBeforeTheData) {
  v1::StreamScoreRequest header = HeaderOf(MakeTensor(kRows, 4, 9));
  header.mutable_header()->mutable_measures(1)->set_id("nothing");
  grpc::ClientContext context;
  v1::StreamScoreResponse response;
  const auto writer = scoring_->StreamScore(&context, &response);
  writer->Write(header);

  const grpc::Status status = writer->Finish();

  ExpectError(status,
              grpc::StatusCode::NOT_FOUND,
              "MEASURE_NOT_FOUND",
              "measures[1].id");
}

TEST_F(StreamScoreTest, CancelledStreamsLeaveNothingBehind) {
  const v1::Tensor candidate = MakeTensor(kRows, 4, 9);
  for (int i = 0; i < 100; ++i) {
    grpc::ClientContext context;
    v1::StreamScoreResponse response;
    const auto writer = scoring_->StreamScore(&context, &response);
    if (i % 4 > 0) {
      writer->Write(HeaderOf(candidate));
    }
    if (i % 4 > 1) {
      writer->Write(Chunk(candidate.data().substr(0, 64)));
    }
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }

  v1::StreamScoreResponse response;
  EXPECT_TRUE(SendCut(candidate, 100, &response).ok());
}

}  // namespace
}  // namespace repscore::server
