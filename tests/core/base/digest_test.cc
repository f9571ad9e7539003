#include "core/base/digest.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>

namespace repscore {
namespace {

// FIPS 180-4 example messages.
constexpr const char* kEmpty =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256Test, MatchesPublishedDigests) {
  EXPECT_EQ(Sha256Hex(std::string_view()), kEmpty);
  EXPECT_EQ(Sha256Hex(std::string_view("abc")), kAbc);
}

TEST(Sha256Test, DoesNotDependOnHowTheInputIsCut) {
  Sha256 digest;

  digest.Update(std::string_view("a"));
  digest.Update(std::string_view());
  const std::byte rest[] = {std::byte{'b'}, std::byte{'c'}};
  digest.Update(rest);

  EXPECT_EQ(digest.HexDigest(), kAbc);
}

TEST(Sha256Test, KeepsItsStateWhenMoved) {
  Sha256 first;
  first.Update(std::string_view("ab"));

  Sha256 second = std::move(first);
  second.Update(std::string_view("c"));

  EXPECT_EQ(second.HexDigest(), kAbc);
}

}  // namespace
}  // namespace repscore
