#include "server/status.h"

#include <string>

#include "gtest/gtest.h"
#include "server/error.h"
#include "tests/server/server_fixture.h"

namespace repscore::server {
namespace {

TEST(Status, OkHasNoDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus());

  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(status.error_details().empty());
}

TEST(Status, EveryErrorCarriesErrorInfo) {
  ExpectError(ToGrpcStatus(absl::InternalError("broken")),
              grpc::StatusCode::INTERNAL,
              "INTERNAL",
              "");
}

TEST(Status, DetailsReachTheWire) {
  absl::Status status = Error(absl::StatusCode::kNotFound, "GONE", "no x");
  status = WithResource(WithField(WithRetry(status, 1.5), "name"), "run", "x");

  const grpc::Status wire = ToGrpcStatus(status);

  ExpectError(wire, grpc::StatusCode::NOT_FOUND, "GONE", "name");
  const WireDetails details = WireDetailsOf(wire);
  EXPECT_EQ(details.resource_type, "run");
  EXPECT_EQ(details.resource_name, "x");
  EXPECT_TRUE(details.has_retry);
}

TEST(Status, LongMessagesAreCut) {
  const grpc::Status wire =
      ToGrpcStatus(FieldError("dataset", std::string(100000, 'x')));

  EXPECT_LE(wire.error_message().size(), 1024U);
  EXPECT_LE(wire.error_details().size(), 4096U);
}

TEST(Status, RoundTripKeepsWhatTheServerKnows) {
  absl::Status status = FieldError("stopping.max_steps", "must be positive");
  status = WithRetry(WithResource(status, "run", "runs/1"), 2.25);

  const absl::Status back = FromRpcStatus(ToRpcStatus(status));

  EXPECT_EQ(back.code(), status.code());
  EXPECT_EQ(back.message(), status.message());
  EXPECT_EQ(DetailsOf(back).field, "stopping.max_steps");
  EXPECT_EQ(DetailsOf(back).resource_name, "runs/1");
  EXPECT_EQ(DetailsOf(back).retry_seconds, 2.25);
}

}  // namespace
}  // namespace repscore::server
