// Element types of arrays that enter the house, and views of such arrays.
// Everything here is a value; functions are safe to call from any thread.
#ifndef REPSCORE_CORE_BASE_DTYPE_H_
#define REPSCORE_CORE_BASE_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace repscore {

enum class DataType {
  kFloat32,
  kFloat64,
  kFloat16,
  kBfloat16,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kBool,
};

/// Bytes of one element.
int64_t ElementSize(DataType type);

/// "float32", "bfloat16", ...
std::string_view DataTypeName(DataType type);

/// Inverse of DataTypeName. InvalidArgument for other names.
absl::StatusOr<DataType> ParseDataType(std::string_view name);

/// Element type and shape of a row-major array.
struct ArraySpec {
  DataType type = DataType::kFloat64;
  std::vector<int64_t> shape;

  friend bool operator==(const ArraySpec&, const ArraySpec&) = default;
};

/// "float32 [121 x 8 x 141]"
std::string ToString(const ArraySpec& spec);

/// Bytes of the whole array. InvalidArgument, naming `field`, when the rank is
/// not 1 to 3, a dimension is not positive or the product exceeds 2^62. `field`
/// is the wire path of the spec: "candidate.spec" gives "candidate.spec.shape".
absl::StatusOr<int64_t> CheckedByteSize(const ArraySpec& spec,
                                        std::string_view field);

/// Rows after folding time and condition: [n], [n x p] and [t x c x p] give
/// n, n and t*c. Requires a spec that CheckedByteSize accepts.
int64_t RowCount(const ArraySpec& spec);

/// Columns after folding: 1, p and p.
int64_t FeatureCount(const ArraySpec& spec);

/// Converts little-endian elements to double. `bytes` holds exactly
/// out.size() elements. Integers beyond 2^53 round to nearest.
void ConvertToDouble(DataType type,
                     absl::Span<const std::byte> bytes,
                     absl::Span<double> out);

/// As ConvertToDouble, rounding to float.
void ConvertToFloat(DataType type,
                    absl::Span<const std::byte> bytes,
                    absl::Span<float> out);

/// Index of the first NaN or infinity, or -1.
int64_t FirstNonFinite(absl::Span<const double> values);

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_DTYPE_H_
