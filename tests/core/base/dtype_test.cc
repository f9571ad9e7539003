#include "core/base/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace repscore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename T>
std::vector<double> AsDoubles(DataType type, const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  std::vector<double> out(values.size());
  ConvertToDouble(type, bytes, absl::MakeSpan(out));

  std::vector<float> floats(values.size());
  ConvertToFloat(type, bytes, absl::MakeSpan(floats));
  for (size_t i = 0; i < out.size(); ++i) {
    if (!std::isnan(out[i])) {
      EXPECT_EQ(floats[i], static_cast<float>(out[i]));
    } else {
      EXPECT_TRUE(std::isnan(floats[i]));
    }
  }
  return out;
}

TEST(DataTypeTest, NamesAndSizesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(DataType::kBool); ++i) {
    const auto type = static_cast<DataType>(i);

    const absl::StatusOr<DataType> parsed = ParseDataType(DataTypeName(type));

    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, type);
    EXPECT_GE(ElementSize(type), 1);
  }
  EXPECT_EQ(DataTypeName(DataType::kBool), "bool");
  EXPECT_EQ(ElementSize(DataType::kBfloat16), 2);
  EXPECT_EQ(ElementSize(DataType::kUint64), 8);
}

TEST(DataTypeTest, UnknownNameListsTheKnownOnes) {
  const absl::Status status = ParseDataType("complex64").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("bfloat16"));
}

TEST(ConvertTest, ReadsEveryIntegerType) {
  EXPECT_THAT(AsDoubles<int8_t>(DataType::kInt8, {-128, 127}),
              ElementsAre(-128, 127));
  EXPECT_THAT(AsDoubles<uint8_t>(DataType::kUint8, {0, 255}),
              ElementsAre(0, 255));
  EXPECT_THAT(AsDoubles<int16_t>(DataType::kInt16, {-32768, 32767}),
              ElementsAre(-32768, 32767));
  EXPECT_THAT(AsDoubles<uint16_t>(DataType::kUint16, {65535}),
              ElementsAre(65535));
  EXPECT_THAT(AsDoubles<int32_t>(DataType::kInt32, {-2147483647}),
              ElementsAre(-2147483647.0));
  EXPECT_THAT(AsDoubles<uint32_t>(DataType::kUint32, {4294967295U}),
              ElementsAre(4294967295.0));
  EXPECT_THAT(AsDoubles<int64_t>(DataType::kInt64, {int64_t{-1} << 62}),
              ElementsAre(-0x1p62));
  EXPECT_THAT(AsDoubles<uint64_t>(DataType::kUint64, {~uint64_t{0}}),
              ElementsAre(0x1p64));
  EXPECT_THAT(AsDoubles<uint8_t>(DataType::kBool, {0, 1, 7}),
              ElementsAre(0, 1, 1));
}

TEST(ConvertTest, ReadsUnalignedFloats) {
  std::vector<std::byte> bytes(1 + 2 * sizeof(double));
  const double values[] = {1.5, -2.25};
  std::memcpy(bytes.data() + 1, values, sizeof(values));
  std::vector<double> out(2);

  ConvertToDouble(DataType::kFloat64,
                  absl::MakeConstSpan(bytes).subspan(1),
                  absl::MakeSpan(out));

  EXPECT_THAT(out, ElementsAre(1.5, -2.25));
}

TEST(ConvertTest, ReadsHalfPrecisionLandmarks) {
  const std::vector<double> out = AsDoubles<uint16_t>(DataType::kFloat16,
                                                      {0x3C00,
                                                       0xC000,
                                                       0x7BFF,
                                                       0x0400,
                                                       0x0001,
                                                       0x8001,
                                                       0x0000,
                                                       0x8000,
                                                       0x7C00,
                                                       0xFC00,
                                                       0x7E00});

  EXPECT_EQ(out[0], 1.0);
  EXPECT_EQ(out[1], -2.0);
  EXPECT_EQ(out[2], 65504.0);
  EXPECT_EQ(out[3], 0x1p-14);
  EXPECT_EQ(out[4], 0x1p-24);
  EXPECT_EQ(out[5], -0x1p-24);
  EXPECT_EQ(out[6], 0.0);
  EXPECT_TRUE(std::signbit(out[7]));
  EXPECT_EQ(out[8], kInfinity);
  EXPECT_EQ(out[9], -kInfinity);
  EXPECT_TRUE(std::isnan(out[10]));
}

// value = (-1)^s 2^(e-15) (1 + m/1024), or (-1)^s 2^-14 m/1024 for e = 0.
TEST(ConvertTest, ReadsEveryFiniteHalf) {
  std::vector<uint16_t> bits;
  std::vector<double> expected;
  for (uint32_t i = 0; i < 0x10000U; ++i) {
    const int exponent = static_cast<int>(i >> 10U) & 31;
    const double mantissa = static_cast<double>(i & 1023U) / 1024.0;
    if (exponent == 31) {
      continue;
    }
    const double magnitude = exponent == 0
                                 ? std::ldexp(mantissa, -14)
                                 : std::ldexp(1.0 + mantissa, exponent - 15);
    bits.push_back(static_cast<uint16_t>(i));
    expected.push_back((i & 0x8000U) != 0 ? -magnitude : magnitude);
  }

  EXPECT_EQ(AsDoubles(DataType::kFloat16, bits), expected);
}

TEST(ConvertTest, ReadsBfloat16AsTheUpperHalfOfAFloat) {
  EXPECT_THAT(
      AsDoubles<uint16_t>(DataType::kBfloat16, {0x3F80, 0xC049, 0x7F80, 1}),
      ElementsAre(1.0, -3.140625, kInfinity, std::ldexp(1.0, -133)));
}

TEST(CheckedByteSizeTest, MultipliesShapeAndElementSize) {
  EXPECT_EQ(*CheckedByteSize({DataType::kFloat32, {121, 8, 141}}, "spec"),
            4 * 121 * 8 * 141);
  EXPECT_EQ(*CheckedByteSize({DataType::kInt8, {int64_t{1} << 62}}, "spec"),
            int64_t{1} << 62);
}

TEST(CheckedByteSizeTest, RefusesBadShapesNamingTheField) {
  const std::vector<std::vector<int64_t>> bad = {
      {},
      {1, 1, 1, 1},
      {0},
      {3, -1},
      {std::numeric_limits<int64_t>::min()},
      {std::numeric_limits<int64_t>::max()},
      {int64_t{1} << 31, int64_t{1} << 31, 2},
      std::vector<int64_t>(33, 1)};
  for (const std::vector<int64_t>& shape : bad) {
    const ArraySpec spec = {DataType::kFloat64, shape};

    const absl::Status status =
        CheckedByteSize(spec, "candidate.spec").status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << ToString(spec);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("candidate.spec.shape"));
  }
}

TEST(CheckedByteSizeTest, NamesTheAxis) {
  const absl::Status status =
      CheckedByteSize({DataType::kFloat64, {3, -1}}, "spec").status();

  EXPECT_EQ(status.message(), "spec.shape[1]: must be positive, got -1");
}

TEST(ArraySpecTest, FoldsTimeAndConditionIntoRows) {
  const ArraySpec unit = {DataType::kFloat32, {5}};
  const ArraySpec matrix = {DataType::kFloat32, {5, 7}};
  const ArraySpec recording = {DataType::kFloat32, {121, 8, 141}};

  EXPECT_EQ(RowCount(unit), 5);
  EXPECT_EQ(FeatureCount(unit), 1);
  EXPECT_EQ(RowCount(matrix), 5);
  EXPECT_EQ(FeatureCount(matrix), 7);
  EXPECT_EQ(RowCount(recording), 968);
  EXPECT_EQ(FeatureCount(recording), 141);
  EXPECT_EQ(ToString(recording), "float32 [121 x 8 x 141]");
}

TEST(FirstNonFiniteTest, FindsTheFirstOfSeveral) {
  std::vector<double> values(2000, 1.0);
  EXPECT_EQ(FirstNonFinite(values), -1);

  values[1999] = kInfinity;
  EXPECT_EQ(FirstNonFinite(values), 1999);
  values[700] = std::nan("");
  EXPECT_EQ(FirstNonFinite(values), 700);
  values[0] = -kInfinity;
  EXPECT_EQ(FirstNonFinite(values), 0);
}

TEST(FirstNonFiniteTest, AcceptsExtremeFiniteValues) {
  const std::vector<double> values = {std::numeric_limits<double>::max(),
                                      std::numeric_limits<double>::lowest(),
                                      std::numeric_limits<double>::denorm_min(),
                                      -0.0};

  EXPECT_EQ(FirstNonFinite(values), -1);
  EXPECT_EQ(FirstNonFinite({}), -1);
}

}  // namespace
}  // namespace repscore
