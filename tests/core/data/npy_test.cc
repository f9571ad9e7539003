#include "core/data/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/core/data/array_files.h"

namespace repscore {
namespace {

using ::repscore::testing::Bytes;
using ::repscore::testing::FromBytes;
using ::repscore::testing::NpyBytes;
using ::repscore::testing::ToBytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGolden[] = REPSCORE_GOLDEN_FOLDER;

std::string TemporaryPath(const std::string& name) {
  return ::testing::TempDir() + "/repscore_" + name;
}

TEST(ParseNpyTest, ReadsRowMajorDoubles) {
  const double values[] = {1, 2, 3, 4, 5, 6};
  const Bytes file =
      NpyBytes("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n",
               {reinterpret_cast<const char*>(values), sizeof(values)});

  const absl::StatusOr<HostArray> array = ParseNpy(file);

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_EQ(array->spec, (ArraySpec{DataType::kFloat64, {2, 3}}));
  EXPECT_THAT(FromBytes<double>(array->data), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(ParseNpyTest, TurnsFortranOrderAround) {
  const Bytes file =
      NpyBytes("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}",
               "\x01\x02\x03\x04\x05\x06");

  const absl::StatusOr<HostArray> array = ParseNpy(file);

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(FromBytes<uint8_t>(array->data), ElementsAre(1, 3, 5, 2, 4, 6));
}

// Element (i, j, k) of [a x b x c] is 100 i + 10 j + k, sizes past the tile.
TEST(ParseNpyTest, TurnsLargeFortranCubesAround) {
  constexpr int kA = 37;
  constexpr int kB = 3;
  constexpr int kC = 41;
  std::string elements;
  for (int k = 0; k < kC; ++k) {
    for (int j = 0; j < kB; ++j) {
      for (int i = 0; i < kA; ++i) {
        const int16_t value = static_cast<int16_t>(1000 * j + 100 * k + i);
        elements.append(reinterpret_cast<const char*>(&value), sizeof(value));
      }
    }
  }

  const absl::StatusOr<HostArray> array = ParseNpy(NpyBytes(
      "{'descr': '<i2', 'fortran_order': True, 'shape': (37, 3, 41), }",
      elements));

  ASSERT_TRUE(array.ok()) << array.status();
  const std::vector<int16_t> values = FromBytes<int16_t>(array->data);
  size_t at = 0;
  for (int i = 0; i < kA; ++i) {
    for (int j = 0; j < kB; ++j) {
      for (int k = 0; k < kC; ++k) {
        ASSERT_EQ(values[at++], 1000 * j + 100 * k + i);
      }
    }
  }
}

TEST(ParseNpyTest, SwapsBigEndianElements) {
  const absl::StatusOr<HostArray> array =
      ParseNpy(NpyBytes("{'descr': '>u4', 'fortran_order': False, 'shape': "
                        "(2,), }",
                        std::string("\0\0\0\1\0\0\1\0", 8)));

  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(FromBytes<uint32_t>(array->data), ElementsAre(1, 256));
}

TEST(ParseNpyTest, ReadsEveryVersionKeyOrderAndSpacing) {
  for (const int major : {1, 2, 3}) {
    for (const std::string dictionary :
         {"{'descr': '|i1', 'fortran_order': False, 'shape': (2,), }  \n",
          "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"|i1\"}",
          "{ 'fortran_order' : False , 'shape' : ( 2L , ) , 'descr' : '<i1' }",
          "{'descr':'|i1','shape':(2,1),'fortran_order':True}"}) {
      const absl::StatusOr<HostArray> array =
          ParseNpy(NpyBytes(dictionary, "\x05\x06", major));

      ASSERT_TRUE(array.ok()) << dictionary << ": " << array.status();
      EXPECT_THAT(FromBytes<int8_t>(array->data), ElementsAre(5, 6));
    }
  }
}

TEST(ParseNpyTest, RefusesTypesInWords) {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"'|O'", "pickle"},
      {"'<c16'", "complex"},
      {"'<U5'", "strings"},
      {"'|S3'", "strings"},
      {"'<M8[ns]'", "dates"},
      {"'|V8'", "records"},
      {"'<f16'", "unusual size"},
      {"'<x4'", "unknown element type"},
      {"[('a', '<f8')]", "structured"},
      {"'|f8'", "byte order"},
      {"'=f8'", "byte order"},
      {"'f8'", "element type"},
      {"''", "element type"}};
  for (const auto& [type, words] : refused) {
    const absl::Status status =
        ParseNpy(NpyBytes("{'descr': " + type +
                              ", 'fortran_order': False, 'shape': (1,), }",
                          "12345678"))
            .status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << type;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  }
}

TEST(ParseNpyTest, RefusesMalformedHeaders) {
  const std::string head = "{'descr': '|i1', 'fortran_order': False, ";
  for (const std::string& dictionary :
       {std::string(),
        std::string("{}"),
        head + "}",
        head + "'shape': (2,)",
        head + "'shape': (2)}",
        head + "'shape': 2}",
        head + "'shape': (2,,)}",
        head + "'shape': (-2,)}",
        head + "'shape': (2 2)}",
        head + "'shape': (99999999999999999999,)}",
        head + "'shape': (2,), 'shape': (2,)}",
        head + "'shape': (2,), 'extra': 1}",
        head + "'shape': (2,)} + exit()",
        head + "'shape': (2,)}" + std::string(1, '\0'),
        head + "'shape: (2,)}",
        head + "'sh\\x61pe': (2,)}",
        head + "'shape': ()}",
        head + "'shape': (0, 2)}",
        head + "'shape': (1, 1, 1, 2)}",
        head + "'shape': (" + std::string(5000, '1') + ",)}",
        head + "'shape': (4611686018427387904, 4)}",
        std::string("{'descr': '|i1', 'fortran_order': 0, 'shape': (2,)}")}) {
    const absl::Status status = ParseNpy(NpyBytes(dictionary, "ab")).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << dictionary;
  }
}

TEST(ParseNpyTest, RefusesEveryTruncationAndTrailingBytes) {
  const Bytes file =
      NpyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n",
               "0123456789abcdef");
  ASSERT_TRUE(ParseNpy(file).ok());

  for (size_t size = 0; size < file.size(); ++size) {
    const absl::Status status =
        ParseNpy(absl::MakeConstSpan(file).first(size)).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
  }
  Bytes longer = file;
  longer.push_back(std::byte{0});
  EXPECT_THAT(std::string(ParseNpy(longer).status().message()),
              HasSubstr("trailing bytes: float32 [2 x 2] takes 16 bytes, 17"));
}

TEST(ParseNpyTest, RefusesUnknownVersionsAndLongHeaders) {
  Bytes version = NpyBytes("{}", "", 4);
  Bytes longer = NpyBytes(std::string(70000, ' '), "", 2);
  Bytes claim = NpyBytes("{}", "", 2);
  claim[11] = std::byte{0x7F};

  EXPECT_THAT(std::string(ParseNpy(version).status().message()),
              HasSubstr("version 4.0"));
  EXPECT_THAT(std::string(ParseNpy(longer).status().message()),
              HasSubstr("a header of 70000 bytes"));
  EXPECT_EQ(ParseNpy(claim).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseNpy(ToBytes("PK\3\4")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReadArrayFileTest, ReadsWhatNumPyWrote) {
  const absl::StatusOr<HostArray> fortran =
      ReadArrayFile(std::string(kGolden) + "/numpy_fortran.npy");
  const absl::StatusOr<HostArray> version2 =
      ReadArrayFile(std::string(kGolden) + "/numpy_v2.npy");

  ASSERT_TRUE(fortran.ok()) << fortran.status();
  EXPECT_THAT(FromBytes<double>(fortran->data),
              ElementsAre(-1.5, -0.5, 0.5, 1.5, 2.5, 3.5));
  ASSERT_TRUE(version2.ok()) << version2.status();
  EXPECT_THAT(FromBytes<uint8_t>(version2->data),
              ElementsAre(255, 0, 0, 1, 2, 3));
}

TEST(ReadArrayFileTest, RefusesThePickleThatNumPyWrote) {
  const std::string path = std::string(kGolden) + "/numpy_object.npy";

  const absl::Status status = ReadArrayFile(path).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pickle"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("numpy_object.npy"));
}

TEST(ReadArrayFileTest, MissingFileIsNotFound) {
  for (const char* path : {"/nowhere/a.npy", "/nowhere/a.npz:key", ""}) {
    EXPECT_EQ(ReadArrayFile(path).status().code(), absl::StatusCode::kNotFound)
        << path;
  }
}

TEST(ReadArrayFileTest, DirectoryIsInvalid) {
  EXPECT_EQ(ReadArrayFile(::testing::TempDir()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(WriteNpyTest, RoundTripsEveryRank) {
  const std::string path = TemporaryPath("round_trip.npy");
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{6}, {2, 3}, {1, 2, 3}}) {
    HostArray array;
    array.spec = {DataType::kInt16, shape};
    array.data = ToBytes("abcdefghijkl");

    ASSERT_TRUE(WriteNpy(path, array).ok());
    const absl::StatusOr<HostArray> read = ReadArrayFile(path);

    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->spec, array.spec);
    EXPECT_EQ(read->data, array.data);
  }
  std::filesystem::remove(path);
}

TEST(WriteNpyTest, AlignsElementsTo64Bytes) {
  const std::string path = TemporaryPath("aligned.npy");
  HostArray array;
  array.spec = {DataType::kUint8, {1}};
  array.data = ToBytes("x");

  ASSERT_TRUE(WriteNpy(path, array).ok());

  EXPECT_EQ(std::filesystem::file_size(path) % 64, 1U);
  std::filesystem::remove(path);
}

TEST(WriteNpyTest, LeavesNothingBehindWhenItFails) {
  const std::string folder = TemporaryPath("write_folder");
  std::filesystem::create_directories(folder + "/taken.npy/full");
  HostArray array;
  array.spec = {DataType::kUint8, {1}};
  array.data = ToBytes("x");

  const absl::Status status = WriteNpy(folder + "/taken.npy", array);

  EXPECT_FALSE(status.ok());
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ElementsAre("taken.npy"));
  std::filesystem::remove_all(folder);
}

TEST(WriteNpyTest, RefusesWhatNumPyCannotHold) {
  HostArray bfloat;
  bfloat.spec = {DataType::kBfloat16, {1}};
  bfloat.data = ToBytes("ab");
  HostArray torn;
  torn.spec = {DataType::kFloat32, {2}};
  torn.data = ToBytes("abcde");

  EXPECT_EQ(WriteNpy(TemporaryPath("a.npy"), bfloat).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteNpy(TemporaryPath("a.npy"), torn).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteNpy("/nowhere/a.npy", bfloat).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace repscore
