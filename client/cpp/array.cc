#include "client/cpp/array.h"

#include <array>
#include <utility>

namespace repscore::client {
namespace {

constexpr std::array<std::pair<DataType, v1::DataType>, 13> kDataTypes = {{
    {DataType::kFloat32, v1::DATA_TYPE_FLOAT32},
    {DataType::kFloat64, v1::DATA_TYPE_FLOAT64},
    {DataType::kFloat16, v1::DATA_TYPE_FLOAT16},
    {DataType::kBfloat16, v1::DATA_TYPE_BFLOAT16},
    {DataType::kInt8, v1::DATA_TYPE_INT8},
    {DataType::kInt16, v1::DATA_TYPE_INT16},
    {DataType::kInt32, v1::DATA_TYPE_INT32},
    {DataType::kInt64, v1::DATA_TYPE_INT64},
    {DataType::kUint8, v1::DATA_TYPE_UINT8},
    {DataType::kUint16, v1::DATA_TYPE_UINT16},
    {DataType::kUint32, v1::DATA_TYPE_UINT32},
    {DataType::kUint64, v1::DATA_TYPE_UINT64},
    {DataType::kBool, v1::DATA_TYPE_BOOL},
}};

}  // namespace

ArrayView ViewOf(const HostArray& array) {
  return {array.spec, array.data};
}

v1::TensorSpec ToTensorSpec(const ArraySpec& spec) {
  v1::TensorSpec result;
  for (const auto& [ours, theirs] : kDataTypes) {
    if (ours == spec.type) {
      result.set_data_type(theirs);
    }
  }
  result.mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
  return result;
}

ArraySpec ToArraySpec(const v1::TensorSpec& spec) {
  ArraySpec result{.type = DataType::kFloat64,
                   .shape = {spec.shape().begin(), spec.shape().end()}};
  for (const auto& [ours, theirs] : kDataTypes) {
    if (theirs == spec.data_type()) {
      result.type = ours;
    }
  }
  return result;
}

v1::Tensor ToTensor(const ArrayView& array) {
  v1::Tensor tensor;
  *tensor.mutable_spec() = ToTensorSpec(array.spec);
  tensor.set_data(array.data.data(), array.data.size());
  return tensor;
}

}  // namespace repscore::client
