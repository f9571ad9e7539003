#include "server/error.h"

#include <new>
#include <stdexcept>
#include <string>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"

namespace repscore::server {
namespace {

TEST(Error, DetailsFollowFromCodeAndMessageWithoutPayloads) {
  const ErrorDetails details = DetailsOf(
      absl::InvalidArgumentError("measures[1].id: there is no measure 'ckaa'"));

  EXPECT_EQ(details.reason, "INVALID_ARGUMENT");
  EXPECT_EQ(details.field, "measures[1].id");
}

TEST(Error, ProseBeforeAColonIsNoField) {
  EXPECT_EQ(DetailsOf(absl::NotFoundError("no dataset: x")).field, "");
  EXPECT_EQ(DetailsOf(absl::InvalidArgumentError("Rows: 3")).field, "");
  EXPECT_EQ(DetailsOf(absl::InvalidArgumentError("rows:3")).field, "");
  EXPECT_EQ(DetailsOf(absl::InternalError("catalog: locked")).field, "");
}

TEST(Error, FirstDetailStays) {
  absl::Status status =
      WithReason(FieldError("dataset", "is not set"), "FIRST");

  status = WithReason(WithField(status, "other"), "SECOND");

  EXPECT_EQ(DetailsOf(status).field, "dataset");
  EXPECT_EQ(DetailsOf(status).reason, "FIRST");
}

TEST(Error, OkStatusesTakeNoDetails) {
  EXPECT_TRUE(WithRetry(absl::OkStatus(), 1.0).ok());
}

TEST(Error, TruncatedCutsBetweenCharacters) {
  const std::string text = "a\xC3\xA4";

  EXPECT_EQ(Truncated(text, 2), "a");
  EXPECT_EQ(Truncated(text, 3), text);
}

TEST(Error, QuotedEscapesAndShortens) {
  EXPECT_EQ(Quoted(std::string("a\0b", 3)), "'a\\000b'");
  EXPECT_EQ(Quoted(std::string(10000, 'x')).size(), 85U);
}

TEST(Error, CheckTextRefusesWhatNamesCannotHold) {
  EXPECT_TRUE(CheckText("\xE2\x82\xAC", "f", 10).ok());
  EXPECT_FALSE(CheckText(std::string("a\0b", 3), "f", 10).ok());
  EXPECT_FALSE(CheckText("\xFF", "f", 10).ok());
  EXPECT_FALSE(CheckText("\xE2\x82", "f", 10).ok());
  EXPECT_FALSE(CheckText("too long", "f", 3).ok());
}

TEST(Error, NoThrowTurnsExceptionsIntoStatuses) {
  const absl::Status memory =
      NoThrow([]() -> absl::Status { throw std::bad_alloc(); });
  const absl::StatusOr<int> bug =
      NoThrow([]() -> absl::StatusOr<int> { throw std::logic_error("bug"); });

  EXPECT_EQ(DetailsOf(memory).reason, "HOST_MEMORY");
  EXPECT_EQ(bug.status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace repscore::server
