#include "server/catalog/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace repscore::server {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(CheckIdTest, AcceptsWhatTheWireSays) {
  for (const std::string& id : {std::string("a"),
                                std::string("0"),
                                std::string("m1.reach_2-b"),
                                std::string(63, 'z')}) {
    EXPECT_TRUE(CheckId(id, "dataset_id").ok()) << id;
  }
}

TEST(CheckIdTest, RefusesEverythingElseBriefly) {
  for (const std::string& id : {std::string(),
                                std::string("A"),
                                std::string(".."),
                                std::string(".a"),
                                std::string("-a"),
                                std::string("_a"),
                                std::string("a/b"),
                                std::string("../../etc/passwd"),
                                std::string("a\0b", 3),
                                std::string("a\n"),
                                std::string("a b"),
                                std::string("\xD0\xB0"),
                                std::string(64, 'z'),
                                std::string(10240, 'z')}) {
    const absl::Status status = CheckId(id, "dataset_id");

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("dataset_id"));
    EXPECT_LT(status.message().size(), 500U);
    EXPECT_EQ(status.message().find('\0'), absl::string_view::npos);
  }
}

TEST(ParseDatasetNameTest, ReadsBothForms) {
  const absl::StatusOr<DatasetName> latest = ParseDatasetName("datasets/m1.b");
  const absl::StatusOr<DatasetName> version =
      ParseDatasetName("datasets/versions/versions/12");

  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->dataset_id, "m1.b");
  EXPECT_FALSE(latest->version.has_value());
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->dataset_id, "versions");
  EXPECT_EQ(version->version, 12);
}

TEST(ParseDatasetNameTest, RefusesOtherForms) {
  for (const std::string& name :
       {std::string(),
        std::string("m1"),
        std::string("/datasets/m1"),
        std::string("datasets/"),
        std::string("datasets//versions/1"),
        std::string("datasets/m1/"),
        std::string("datasets/m1/versions"),
        std::string("datasets/m1/versions/"),
        std::string("datasets/m1/versions/0"),
        std::string("datasets/m1/versions/01"),
        std::string("datasets/m1/versions/-1"),
        std::string("datasets/m1/versions/+1"),
        std::string("datasets/m1/versions/ 1"),
        std::string("datasets/m1/versions/1/x"),
        std::string("datasets/m1/versions/latest"),
        std::string("datasets/m1/versions/9223372036854775808"),
        std::string("datasets/../versions/1"),
        std::string("datasets/m1\0", 12),
        "datasets/" + std::string(10240, 'a')}) {
    EXPECT_EQ(ParseDatasetName(name).status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
}

TEST(ParseSha256Test, LowersHexDigits) {
  EXPECT_EQ(*ParseSha256(std::string(64, 'A')), std::string(64, 'a'));
  for (const std::string& digest : {std::string(),
                                    std::string(63, 'a'),
                                    std::string(65, 'a'),
                                    std::string(63, 'a') + "g"}) {
    const absl::Status status = ParseSha256(digest).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("sha256"));
  }
}

TEST(PageTokenTest, RoundTripsWithinItsListing) {
  const std::string token = FormatPageToken(Listing::kRuns, "42");

  EXPECT_EQ(*ParsePageToken(Listing::kRuns, token), "42");
  EXPECT_EQ(*ParsePageToken(Listing::kRuns, ""), "");
}

TEST(PageTokenTest, RefusesTokensOfOtherListingsAndMadeUpOnes) {
  const std::string token = FormatPageToken(Listing::kRuns, "42");
  for (const std::string& other : {token + "A",
                                   token.substr(1),
                                   std::string("42"),
                                   std::string("!"),
                                   std::string("\0", 1),
                                   std::string(10240, 'A')}) {
    EXPECT_EQ(ParsePageToken(Listing::kRuns, other).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(ParsePageToken(Listing::kDatasets, token).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PageSizeTest, HasADefaultAndALimit) {
  EXPECT_EQ(*PageSize(0), 50);
  EXPECT_EQ(*PageSize(7), 7);
  EXPECT_EQ(*PageSize(2000000000), 1000);
  EXPECT_EQ(PageSize(-1).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ShownTest, EscapesAndCuts) {
  EXPECT_EQ(Shown(std::string("a\0\"", 3)), "\"a\\x00\\\"\"");
  EXPECT_THAT(Shown(std::string(1000, 'a')), SizeIs(85));
}

}  // namespace
}  // namespace repscore::server
