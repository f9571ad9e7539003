#include "core/base/dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace repscore {
namespace {

static_assert(std::endian::native == std::endian::little,
              "arrays are little-endian and are read in place");

struct TypeInfo {
  DataType type;
  std::string_view name;
  int64_t size;
};

/// In the order of the enumerators.
constexpr std::array<TypeInfo, 13> kTypes = {{
    {DataType::kFloat32, "float32", 4},
    {DataType::kFloat64, "float64", 8},
    {DataType::kFloat16, "float16", 2},
    {DataType::kBfloat16, "bfloat16", 2},
    {DataType::kInt8, "int8", 1},
    {DataType::kInt16, "int16", 2},
    {DataType::kInt32, "int32", 4},
    {DataType::kInt64, "int64", 8},
    {DataType::kUint8, "uint8", 1},
    {DataType::kUint16, "uint16", 2},
    {DataType::kUint32, "uint32", 4},
    {DataType::kUint64, "uint64", 8},
    {DataType::kBool, "bool", 1},
}};

constexpr int64_t kMaxBytes = int64_t{1} << 62;
constexpr size_t kMaxRank = 3;

const TypeInfo& InfoOf(DataType type) {
  return kTypes[static_cast<size_t>(type)];
}

/// IEEE 754 binary16. Scaling by 2^112 moves the exponent's bias and makes
/// subnormals normal; both are exact.
float HalfToFloat(uint16_t half) {
  constexpr float kScale = 0x1p112F;
  const uint32_t magnitude = half & 0x7FFFU;
  const uint32_t sign = (half & 0x8000U) << 16U;
  const float finite = std::bit_cast<float>(magnitude << 13U) * kScale;
  const uint32_t special = (magnitude << 13U) | 0x7F800000U;
  const uint32_t bits =
      magnitude >= 0x7C00U ? special : std::bit_cast<uint32_t>(finite);
  return std::bit_cast<float>(bits | sign);
}

float Bfloat16ToFloat(uint16_t value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16U);
}

/// out[i] = transform(element i of type Stored).
template <typename Stored, typename Out, typename Transform>
void Transformed(const std::byte* bytes,
                 absl::Span<Out> out,
                 Transform transform) {
  Out* const target = out.data();
  const size_t size = out.size();
  for (size_t i = 0; i < size; ++i) {
    Stored value;
    std::memcpy(&value, bytes + i * sizeof(Stored), sizeof(Stored));
    target[i] = transform(value);
  }
}

template <typename Stored, typename Out>
void Cast(const std::byte* bytes, absl::Span<Out> out) {
  Transformed<Stored>(
      bytes, out, [](Stored value) { return static_cast<Out>(value); });
}

template <typename Out>
void Convert(DataType type,
             absl::Span<const std::byte> bytes,
             absl::Span<Out> out) {
  const std::byte* const data = bytes.data();
  switch (type) {
    case DataType::kFloat32:
      return Cast<float>(data, out);
    case DataType::kFloat64:
      return Cast<double>(data, out);
    case DataType::kFloat16:
      return Transformed<uint16_t>(data, out, [](uint16_t value) {
        return static_cast<Out>(HalfToFloat(value));
      });
    case DataType::kBfloat16:
      return Transformed<uint16_t>(data, out, [](uint16_t value) {
        return static_cast<Out>(Bfloat16ToFloat(value));
      });
    case DataType::kInt8:
      return Cast<int8_t>(data, out);
    case DataType::kInt16:
      return Cast<int16_t>(data, out);
    case DataType::kInt32:
      return Cast<int32_t>(data, out);
    case DataType::kInt64:
      return Cast<int64_t>(data, out);
    case DataType::kUint8:
      return Cast<uint8_t>(data, out);
    case DataType::kUint16:
      return Cast<uint16_t>(data, out);
    case DataType::kUint32:
      return Cast<uint32_t>(data, out);
    case DataType::kUint64:
      return Cast<uint64_t>(data, out);
    case DataType::kBool:
      return Transformed<uint8_t>(data, out, [](uint8_t value) {
        return value != 0 ? Out{1} : Out{0};
      });
  }
}

bool IsNonFinite(double value) {
  constexpr uint64_t kExponent = 0x7FF0000000000000U;
  return (std::bit_cast<uint64_t>(value) & kExponent) == kExponent;
}

}  // namespace

int64_t ElementSize(DataType type) {
  return InfoOf(type).size;
}

std::string_view DataTypeName(DataType type) {
  return InfoOf(type).name;
}

absl::StatusOr<DataType> ParseDataType(std::string_view name) {
  for (const TypeInfo& info : kTypes) {
    if (info.name == name) {
      return info.type;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown data type '",
      std::string(name.substr(0, 40)),
      "'; known are ",
      absl::StrJoin(kTypes, ", ", [](std::string* out, const TypeInfo& info) {
        out->append(info.name);
      })));
}

std::string ToString(const ArraySpec& spec) {
  return absl::StrCat(std::string(DataTypeName(spec.type)),
                      " [",
                      absl::StrJoin(spec.shape, " x "),
                      "]");
}

absl::StatusOr<int64_t> CheckedByteSize(const ArraySpec& spec,
                                        std::string_view field) {
  if (spec.shape.empty() || spec.shape.size() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(field),
                     ".shape: rank must be 1 to 3, got ",
                     spec.shape.size()));
  }
  int64_t bytes = ElementSize(spec.type);
  for (size_t axis = 0; axis < spec.shape.size(); ++axis) {
    const int64_t size = spec.shape[axis];
    if (size <= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(std::string(field),
                       ".shape[",
                       axis,
                       "]: must be positive, got ",
                       size));
    }
    if (size > kMaxBytes / bytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          std::string(field), ".shape: too large, ", ToString(spec)));
    }
    bytes *= size;
  }
  return bytes;
}

int64_t RowCount(const ArraySpec& spec) {
  return spec.shape.size() == 3 ? spec.shape[0] * spec.shape[1] : spec.shape[0];
}

int64_t FeatureCount(const ArraySpec& spec) {
  return spec.shape.size() == 1 ? 1 : spec.shape.back();
}

void ConvertToDouble(DataType type,
                     absl::Span<const std::byte> bytes,
                     absl::Span<double> out) {
  Convert(type, bytes, out);
}

void ConvertToFloat(DataType type,
                    absl::Span<const std::byte> bytes,
                    absl::Span<float> out) {
  Convert(type, bytes, out);
}

int64_t FirstNonFinite(absl::Span<const double> values) {
  constexpr size_t kBlock = 512;
  for (size_t start = 0; start < values.size(); start += kBlock) {
    const absl::Span<const double> block = values.subspan(start, kBlock);
    uint64_t found = 0;
    for (const double value : block) {
      found |= static_cast<uint64_t>(IsNonFinite(value));
    }
    if (found != 0) {
      const auto* const first =
          std::find_if(block.begin(), block.end(), IsNonFinite);
      return static_cast<int64_t>(start) + (first - block.begin());
    }
  }
  return -1;
}

}  // namespace repscore
