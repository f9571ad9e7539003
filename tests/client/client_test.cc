#include "client/cpp/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/errors.h"
#include "core/base/digest.h"
#include "tests/client/fake_server.h"
#include "tests/client/test_client.h"

namespace repscore::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kMebibyte = 1 << 20;

// Bytes as an array [size] of uint8.
struct ByteArray {
  explicit ByteArray(int64_t size) : bytes(static_cast<size_t>(size)) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(i * 7 + i / 1000);
    }
  }

  ArrayView view() const {
    return {.spec = {.type = DataType::kUint8,
                     .shape = {static_cast<int64_t>(bytes.size())}},
            .data = bytes};
  }

  std::string text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::vector<std::byte> bytes;
};

std::vector<v1::MeasureSpec> Measures(const std::vector<std::string>& ids) {
  std::vector<v1::MeasureSpec> measures;
  for (const std::string& id : ids) {
    measures.emplace_back().set_id(id);
  }
  return measures;
}

class ClientTest : public testing::Test {
 protected:
  FakeServer server_;
  std::unique_ptr<Client> client_ = ConnectTo(server_);
};

TEST_F(ClientTest, RegisterDatasetStreamsOneMebibyteChunks) {
  const ByteArray array(2 * kMebibyte + 5);

  const auto response =
      client_->RegisterDataset({.dataset_id = "mante"}, array.view());

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->dataset().name(), "datasets/mante/versions/1");
  EXPECT_THAT(server_.seen.chunks, ElementsAre(kMebibyte, kMebibyte, 5));
  EXPECT_EQ(server_.seen.data, array.text());
  EXPECT_EQ(server_.seen.header.sha256(), Sha256Hex(array.text()));
}

TEST_F(ClientTest, RegisterDatasetSendsAllThatTheOwnerSays) {
  RegisterDatasetOptions options{.dataset_id = "mante"};
  options.axes.emplace_back().set_kind(v1::AXIS_KIND_SAMPLE);
  options.labels.emplace_back().set_name("target");
  options.groups.emplace_back().set_name("session");
  options.metadata.set_citation("Mante 2013");

  const auto response = client_->RegisterDataset(options, ByteArray(8).view());

  ASSERT_TRUE(response.ok()) << response.status();
  const v1::RegisterDatasetHeader& header = server_.seen.header;
  EXPECT_EQ(header.axes(0).kind(), v1::AXIS_KIND_SAMPLE);
  EXPECT_EQ(header.labels(0).name(), "target");
  EXPECT_EQ(header.groups(0).name(), "session");
  EXPECT_EQ(header.metadata().citation(), "Mante 2013");
  EXPECT_EQ(header.spec().data_type(), v1::DATA_TYPE_UINT8);
}

TEST_F(ClientTest, UploadRefusedAtTheHeaderGivesTheServersError) {
  server_.FailNext("RegisterDataset",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "dataset_id 'X' has upper-case letters",
                             {"INVALID_NAME", "header.dataset_id", {}}));

  const auto response = client_->RegisterDataset(
      {.dataset_id = "X"}, ByteArray(20 * kMebibyte).view());

  EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(response.status().message(),
            "dataset_id 'X' has upper-case letters");
}

TEST_F(ClientTest, ScoreSendsUpToFourMebibytesInline) {
  const ByteArray array(4 * kMebibyte);

  const auto response =
      client_->Score("datasets/mante", array.view(), Measures({"cka", "nbs"}));

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->scores_size(), 2);
  EXPECT_EQ(server_.calls("StreamScore"), 0);
  EXPECT_EQ(server_.seen.score.dataset(), "datasets/mante");
  EXPECT_EQ(server_.seen.score.candidate().data(), array.text());
}

TEST_F(ClientTest, ScoreStreamsLargerCandidates) {
  const ByteArray array(4 * kMebibyte + 1);

  const auto response =
      client_->Score("datasets/mante", array.view(), Measures({"cka"}));

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->scores(0).measure(), "cka(canonical=yes)");
  EXPECT_EQ(response->provenance().backend(), "cpu");
  EXPECT_EQ(server_.calls("Score"), 0);
  EXPECT_EQ(server_.seen.chunks.size(), 5);
  EXPECT_EQ(server_.seen.stream_header.measures(0).id(), "cka");
}

TEST_F(ClientTest, ListDatasetsFollowsPages) {
  for (int i = 0; i < 450; ++i) {
    server_.script.datasets.emplace_back().set_name(absl::StrCat("d", i));
  }

  const auto datasets = client_->ListDatasets();

  ASSERT_TRUE(datasets.ok()) << datasets.status();
  EXPECT_EQ(datasets->size(), 450);
  EXPECT_EQ(datasets->back().name(), "d449");
  EXPECT_EQ(server_.calls("ListDatasets"), 3);
}

TEST_F(ClientTest, ListDatasetsAsksForNoMoreThanTheLimit) {
  server_.script.datasets.resize(450);

  const auto datasets = client_->ListDatasets(210);

  ASSERT_TRUE(datasets.ok()) << datasets.status();
  EXPECT_EQ(datasets->size(), 210);
  EXPECT_THAT(server_.seen.page_sizes, ElementsAre(200, 10));
}

TEST_F(ClientTest, ErrorDetailsAreReachable) {
  server_.FailNext("Score",
                   MakeError(grpc::StatusCode::INVALID_ARGUMENT,
                             "candidate has 8 rows",
                             {"SHAPE_MISMATCH", "candidate.spec.shape", {}}));

  const auto response =
      client_->Score("datasets/mante", ByteArray(8).view(), Measures({"cka"}));

  EXPECT_EQ(response.status().message(), "candidate has 8 rows");
  const auto details = ErrorDetailsOf(response.status());
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->reason, "SHAPE_MISMATCH");
  EXPECT_EQ(details->domain, "repscore");
  EXPECT_EQ(details->metadata.at("rows"), "12");
  ASSERT_EQ(details->field_violations.size(), 1);
  EXPECT_EQ(details->field_violations[0].field, "candidate.spec.shape");
  EXPECT_FALSE(details->retry_delay.has_value());
}

TEST_F(ClientTest, ErrorsWithoutDetailsHaveNone) {
  server_.FailNext("GetRun", {grpc::StatusCode::INTERNAL, "oops"});

  const auto run = client_->GetRun("runs/abc");

  EXPECT_EQ(run.status().code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(ErrorDetailsOf(run.status()).has_value());
}

TEST_F(ClientTest, UnaryReadsAreRetriedWhenUnavailable) {
  server_.FailNext("GetServerInfo", {grpc::StatusCode::UNAVAILABLE, "no"}, 3);

  const auto info = client_->GetServerInfo();

  EXPECT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(server_.calls("GetServerInfo"), 4);
}

TEST_F(ClientTest, RetriesEnd) {
  server_.FailNext("GetRun", {grpc::StatusCode::UNAVAILABLE, "no"}, 100);

  const auto run = client_->GetRun("runs/abc");

  EXPECT_EQ(run.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.calls("GetRun"), 4);
}

TEST_F(ClientTest, DeleteAndUploadsAreNotRepeatedWhenUnavailable) {
  const grpc::Status unavailable(grpc::StatusCode::UNAVAILABLE, "no");
  server_.FailNext("DeleteDataset", unavailable);
  server_.FailNext("RegisterDataset", unavailable);
  server_.FailNext("StreamScore", unavailable);

  EXPECT_FALSE(client_->DeleteDataset("datasets/mante").ok());
  EXPECT_FALSE(
      client_->RegisterDataset({.dataset_id = "a"}, ByteArray(8).view()).ok());
  EXPECT_FALSE(client_
                   ->Score("datasets/mante",
                           ByteArray(5 * kMebibyte).view(),
                           Measures({"cka"}))
                   .ok());

  EXPECT_EQ(server_.calls("DeleteDataset"), 1);
  EXPECT_EQ(server_.calls("RegisterDataset"), 1);
  EXPECT_EQ(server_.calls("StreamScore"), 1);
}

TEST_F(ClientTest, BusyServersAreAskedAgainWhenTheySayWhen) {
  const grpc::Status busy = MakeError(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                      "queue full",
                                      {"QUEUE_FULL", "", 30});
  server_.FailNext("Score", busy, 2);
  server_.FailNext("RegisterDataset", busy, 1);

  const auto scored =
      client_->Score("datasets/mante", ByteArray(8).view(), Measures({"cka"}));
  const auto registered =
      client_->RegisterDataset({.dataset_id = "a"}, ByteArray(8).view());

  EXPECT_TRUE(scored.ok()) << scored.status();
  EXPECT_TRUE(registered.ok()) << registered.status();
  EXPECT_EQ(server_.seen.data, ByteArray(8).text());
}

TEST_F(ClientTest, ResourceExhaustedWithoutRetryInfoIsFinal) {
  server_.FailNext("Score",
                   {grpc::StatusCode::RESOURCE_EXHAUSTED, "too large"});

  const auto response =
      client_->Score("datasets/mante", ByteArray(8).view(), Measures({"cka"}));

  EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(server_.calls("Score"), 1);
}

TEST_F(ClientTest, ServesManyThreads) {
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  std::atomic<int> good = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) {
        good += client_->GetRun("runs/abc").ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  EXPECT_EQ(good, 160);
}

TEST(ConnectTest, NobodyThereIsUnavailableWithTheReason) {
  ConnectOptions options;
  options.address = "unix:/nowhere/socket";
  options.connect_timeout = absl::Milliseconds(200);

  const auto client = Client::Connect(options);

  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(client.status().message()),
              HasSubstr("cannot connect to unix:/nowhere/socket"));
}

}  // namespace
}  // namespace repscore::client
