#include "client/cpp/array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace repscore::client {
namespace {

class ArrayTest : public testing::TestWithParam<DataType> {};

TEST_P(ArrayTest, SpecSurvivesTheWire) {
  const ArraySpec spec{.type = GetParam(), .shape = {4, 5, 6}};

  const ArraySpec back = ToArraySpec(ToTensorSpec(spec));

  EXPECT_EQ(back, spec);
}

TEST_P(ArrayTest, NameOnTheWireIsOurs) {
  const v1::TensorSpec spec = ToTensorSpec({.type = GetParam(), .shape = {1}});

  std::string name = v1::DataType_Name(spec.data_type());

  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return static_cast<char>(std::tolower(c));
  });
  EXPECT_EQ(name, "data_type_" + std::string(DataTypeName(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(All,
                         ArrayTest,
                         testing::Values(DataType::kFloat32,
                                         DataType::kFloat64,
                                         DataType::kFloat16,
                                         DataType::kBfloat16,
                                         DataType::kInt8,
                                         DataType::kInt16,
                                         DataType::kInt32,
                                         DataType::kInt64,
                                         DataType::kUint8,
                                         DataType::kUint16,
                                         DataType::kUint32,
                                         DataType::kUint64,
                                         DataType::kBool));

}  // namespace
}  // namespace repscore::client
