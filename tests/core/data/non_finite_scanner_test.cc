#include "core/data/non_finite_scanner.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/core/data/array_files.h"

namespace repscore {
namespace {

using ::repscore::testing::Bytes;
using ::repscore::testing::ToBytes;

Bytes Doubles(const std::vector<double>& values) {
  return ToBytes({reinterpret_cast<const char*>(values.data()),
                  values.size() * sizeof(double)});
}

TEST(NonFiniteScannerTest, FindsTheFirstHoweverBytesAreCut) {
  std::vector<double> values(3000, 1.0);
  values[2047] = std::numeric_limits<double>::infinity();
  values[2500] = std::numeric_limits<double>::quiet_NaN();
  const Bytes bytes = Doubles(values);
  for (const size_t piece : {1U, 5U, 8U, 4096U, 24000U}) {
    NonFiniteScanner scanner(DataType::kFloat64);

    for (size_t at = 0; at < bytes.size(); at += piece) {
      scanner.Scan(absl::MakeConstSpan(bytes).subspan(at, piece));
    }

    EXPECT_EQ(scanner.first(), 2047) << "in pieces of " << piece;
  }
}

TEST(NonFiniteScannerTest, SeesHalfPrecisionInfinities) {
  NonFiniteScanner half(DataType::kFloat16);
  NonFiniteScanner bfloat(DataType::kBfloat16);
  const Bytes bytes = ToBytes(std::string_view("\x00\x3C\x00\x7C\x80\x7F", 6));

  half.Scan(bytes);
  bfloat.Scan(bytes);

  EXPECT_EQ(half.first(), 1);
  EXPECT_EQ(bfloat.first(), 2);
}

TEST(NonFiniteScannerTest, FindsNothingInFiniteElements) {
  NonFiniteScanner scanner(DataType::kFloat64);

  scanner.Scan({});
  scanner.Scan(Doubles({std::numeric_limits<double>::max(), 0.0}));

  EXPECT_EQ(scanner.first(), -1);
}

TEST(NonFiniteScannerTest, IntegersAreAlwaysFinite) {
  NonFiniteScanner scanner(DataType::kInt64);

  scanner.Scan(Doubles({std::numeric_limits<double>::quiet_NaN()}));

  EXPECT_EQ(scanner.first(), -1);
}

}  // namespace
}  // namespace repscore
