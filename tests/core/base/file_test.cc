#include "core/base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace repscore {
namespace {

using ::testing::HasSubstr;

std::string TemporaryPath(const std::string& name) {
  return ::testing::TempDir() + "/repscore_file_" + name;
}

TEST(FileTest, WritesReadsAndRenames) {
  const std::string from = TemporaryPath("from");
  const std::string to = TemporaryPath("to");
  {
    const auto fd = OpenFile(from, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_TRUE(fd.ok()) << fd.status();
    ASSERT_TRUE(WriteAll(fd->get(), AsBytes("hello"), from).ok());
    ASSERT_TRUE(SyncFile(fd->get(), from).ok());
  }

  ASSERT_TRUE(RenameFile(from, to).ok());
  ASSERT_TRUE(SyncDirectory(::testing::TempDir()).ok());

  const auto fd = OpenFile(to, O_RDONLY);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(*RegularFileSize(fd->get(), to), 5);
  std::vector<std::byte> bytes(10);
  EXPECT_EQ(*ReadUpTo(fd->get(), absl::MakeSpan(bytes), to), 5U);
  EXPECT_EQ(bytes[4], std::byte{'o'});
  EXPECT_TRUE(RemoveFile(to).ok());
  EXPECT_TRUE(RemoveFile(to).ok());
}

TEST(FileTest, ErrorsHaveTheCodesOfTheirCauses) {
  const auto code_of = [](int error) {
    return ErrnoStatus(error, "cannot x").code();
  };

  EXPECT_EQ(code_of(ENOENT), absl::StatusCode::kNotFound);
  EXPECT_EQ(code_of(EACCES), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code_of(ENOSPC), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of(EMFILE), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of(EIO), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(ErrnoStatus(EIO, "cannot x").message()),
              HasSubstr("cannot x: "));
}

TEST(FileTest, DirectoriesAreNotRegularFiles) {
  const auto fd = OpenFile(::testing::TempDir(), O_RDONLY);
  ASSERT_TRUE(fd.ok()) << fd.status();

  EXPECT_EQ(RegularFileSize(fd->get(), "folder").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(FileTest, AFullDeviceIsResourceExhausted) {
  const auto fd = OpenFile("/dev/full", O_WRONLY);
  ASSERT_TRUE(fd.ok()) << fd.status();

  EXPECT_EQ(WriteAll(fd->get(), AsBytes("x"), "/dev/full").code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(UniqueFdTest, ClosesWhatItHolds) {
  UniqueFd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();

  UniqueFd second = std::move(first);
  EXPECT_EQ(second.get(), number);
  second = UniqueFd();

  EXPECT_FALSE(second.valid());
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST(StatusTest, WithPrefixKeepsTheCode) {
  const absl::Status status = WithPrefix(absl::NotFoundError("gone"), "a.npy");

  EXPECT_EQ(status, absl::NotFoundError("a.npy: gone"));
}

}  // namespace
}  // namespace repscore
