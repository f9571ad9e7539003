#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data/npy.h"
#include "tests/core/data/array_files.h"

namespace repscore {
namespace {

using ::repscore::testing::Bytes;
using ::repscore::testing::NpyBytes;
using ::repscore::testing::NpzBytes;
using ::repscore::testing::ReadWholeFile;
using ::repscore::testing::ToBytes;
using ::repscore::testing::WriteWholeFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGolden[] = REPSCORE_GOLDEN_FOLDER;

std::string Golden(const std::string& name) {
  return std::string(kGolden) + "/" + name;
}

Bytes SmallNpy(const std::string& elements) {
  return NpyBytes("{'descr': '|u1', 'fortran_order': False, 'shape': (" +
                      std::to_string(elements.size()) + ",), }\n",
                  elements);
}

std::vector<double> AsDoubles(const HostArray& array) {
  std::vector<double> values(array.data.size() /
                             static_cast<size_t>(ElementSize(array.spec.type)));
  ConvertToDouble(array.spec.type, array.data, absl::MakeSpan(values));
  return values;
}

TEST(NpzTest, ReadsEveryArrayThatNumPyWrote) {
  const std::vector<double> base = {-1.5, -0.5, 0.5, 1.5, 2.5, 3.5};
  for (const char* key : {"matrix", "fortran", "big", "half"}) {
    const absl::StatusOr<HostArray> array =
        ReadArrayFile(Golden("numpy.npz:") + key);

    ASSERT_TRUE(array.ok()) << array.status();
    EXPECT_EQ(AsDoubles(*array), base) << key;
    EXPECT_EQ(array->spec.shape, (std::vector<int64_t>{2, 3}));
  }
  const absl::StatusOr<HostArray> cube = ReadNpz(Golden("numpy.npz"), "cube");
  ASSERT_TRUE(cube.ok()) << cube.status();
  std::vector<double> counting(24);
  for (size_t i = 0; i < counting.size(); ++i) {
    counting[i] = static_cast<double>(i);
  }
  EXPECT_EQ(AsDoubles(*cube), counting);
  EXPECT_THAT(AsDoubles(*ReadNpz(Golden("numpy.npz"), "flags")),
              ElementsAre(1, 0, 1));
}

TEST(NpzTest, NeedsNoKeyForTheOnlyArray) {
  const absl::StatusOr<HostArray> array =
      ReadArrayFile(Golden("numpy_stored.npz"));

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->spec.type, DataType::kFloat64);
}

TEST(NpzTest, ListsKeysInOrder) {
  const absl::StatusOr<std::vector<std::string>> keys =
      ListNpzKeys(Golden("numpy.npz"));

  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_THAT(*keys,
              ElementsAre("matrix", "fortran", "big", "cube", "flags", "half"));
  EXPECT_EQ(ListNpzKeys("/nowhere.npz").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ListNpzKeys(Golden("numpy_v2.npy")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(NpzTest, UnknownKeyListsTheKeysThereAre) {
  for (const char* suffix : {":nothing", ""}) {
    const absl::Status status =
        ReadArrayFile(Golden("numpy.npz") + suffix).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr("matrix, fortran"));
  }
}

TEST(NpzTest, KeysMayLookLikePaths) {
  const Bytes archive = NpzBytes({{"../../etc/passwd.npy", SmallNpy("ab")},
                                  {"group/a:b.npy", SmallNpy("cd")},
                                  {"notes.txt", ToBytes("hello")}});
  const std::string path = ::testing::TempDir() + "/repscore_keys.npz";
  WriteWholeFile(path, archive);

  EXPECT_THAT(*ListNpzKeys(path), ElementsAre("../../etc/passwd", "group/a:b"));
  EXPECT_EQ(ReadArrayFile(path + ":group/a:b")->data, ToBytes("cd"));
  EXPECT_EQ(ReadArrayFile(path + ":../../etc/passwd")->data, ToBytes("ab"));
  std::filesystem::remove(path);
}

TEST(NpzTest, RefusesEveryTruncation) {
  const Bytes archive = ReadWholeFile(Golden("numpy.npz"));
  ASSERT_TRUE(ParseNpz(archive, "matrix").ok());

  for (size_t size = 0; size < archive.size(); ++size) {
    const absl::Status status =
        ParseNpz(absl::MakeConstSpan(archive).first(size), "matrix").status();

    EXPECT_FALSE(status.ok()) << size;
  }
}

TEST(NpzTest, NoticesEveryFlippedBitOfTheElements) {
  const std::string elements(64, 'e');
  const Bytes archive = NpzBytes({{"a.npy", SmallNpy(elements)}}, ZIP_CM_STORE);
  const auto begin = std::search_n(
      archive.begin(), archive.end(), elements.size(), std::byte{'e'});
  ASSERT_NE(begin, archive.end());

  for (size_t i = 0; i < elements.size(); ++i) {
    Bytes damaged = archive;
    const auto at = static_cast<size_t>(begin - archive.begin()) + i;
    damaged[at] ^= std::byte{0x10};

    const absl::Status status = ParseNpz(damaged, "a").status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("damaged"));
  }
}

TEST(NpzTest, RefusesAMemberThatIsNotWhatItsHeaderSays) {
  Bytes shorter = SmallNpy("abcdef");
  shorter.pop_back();
  Bytes longer = SmallNpy("abcdef");
  longer.push_back(std::byte{0});
  const Bytes archive = NpzBytes({{"shorter.npy", shorter},
                                  {"longer.npy", longer},
                                  {"empty.npy", {}},
                                  {"text.npy", ToBytes("hello")}});

  for (const char* key : {"shorter", "longer", "empty", "text"}) {
    EXPECT_EQ(ParseNpz(archive, key).status().code(),
              absl::StatusCode::kInvalidArgument)
        << key;
  }
}

TEST(NpzTest, RefusesAZipBombBeforeItExpands) {
  const std::string path = ::testing::TempDir() + "/repscore_bomb.npz";
  constexpr size_t kSize = size_t{300} << 20;
  WriteWholeFile(path,
                 NpzBytes({{"zeros.npy", SmallNpy(std::string(kSize, '\0'))}}));
  ASSERT_LT(std::filesystem::file_size(path), size_t{1} << 20);

  const absl::Status status = ReadArrayFile(path).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("zip bomb"));
  std::filesystem::remove(path);
}

TEST(NpzTest, ReadsHighlyCompressibleArraysOfModestSize) {
  constexpr size_t kSize = size_t{8} << 20;
  const Bytes archive =
      NpzBytes({{"zeros.npy", SmallNpy(std::string(kSize, '\0'))}});

  const absl::StatusOr<HostArray> array = ParseNpz(archive, "");

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->data.size(), kSize);
}

TEST(NpzTest, RefusesOtherCompressionThanNumPyUses) {
  if (zip_compression_method_supported(ZIP_CM_BZIP2, 1) != 1) {
    GTEST_SKIP() << "libzip without bzip2 writes no such archive";
  }
  const Bytes archive = NpzBytes({{"a.npy", SmallNpy("abcdef")}}, ZIP_CM_BZIP2);

  const absl::Status status = ParseNpz(archive, "a").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("compression method"));
}

TEST(NpzTest, RefusesANameThatIsThereTwice) {
  Bytes archive =
      NpzBytes({{"a.npy", SmallNpy("ab")}, {"b.npy", SmallNpy("cd")}});
  const Bytes from = ToBytes("b.npy");
  for (auto at = archive.begin();;) {
    at = std::search(at, archive.end(), from.begin(), from.end());
    if (at == archive.end()) {
      break;
    }
    *at = std::byte{'a'};
  }

  const absl::Status status = ParseNpz(archive, "a").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace repscore
