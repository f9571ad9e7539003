// The header of an .npy file (NumPy enhancement proposal 1) and the way from
// the bytes behind it to a HostArray. Functions are safe from any thread.
#ifndef REPSCORE_CORE_DATA_NPY_HEADER_H_
#define REPSCORE_CORE_DATA_NPY_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/dtype.h"
#include "core/data/dataset.h"

namespace repscore {

/// No header with its magic string and length is longer: what a reader has to
/// look at before it knows where the elements begin.
constexpr size_t kMaxNpyHeaderBytes = size_t{64} << 10;

struct NpyHeader {
  ArraySpec spec;
  bool is_fortran_order = false;
  bool is_big_endian = false;
  /// Where the elements begin, and how many bytes they are.
  int64_t data_offset = 0;
  int64_t data_bytes = 0;
};

/// Parses the first bytes of a file: kMaxNpyHeaderBytes of them, or all there
/// are. InvalidArgument when they are not a header of version 1 to 3 or
/// describe elements or a shape that repscore does not take.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::Span<const std::byte> prefix);

/// InvalidArgument unless a file (or archive member) of `file_bytes` bytes
/// holds exactly what `header` says.
absl::Status CheckNpyLength(const NpyHeader& header, int64_t file_bytes);

/// Brings the elements behind `header` into little-endian row-major order.
/// `elements` holds exactly header.data_bytes bytes.
HostArray ToHostArray(const NpyHeader& header, std::vector<std::byte> elements);

/// Header of version 1.0 for row-major elements of `spec`, padded to a multiple
/// of 64 bytes. InvalidArgument for bfloat16, which NumPy does not have.
absl::StatusOr<std::string> FormatNpyHeader(const ArraySpec& spec);

}  // namespace repscore

#endif  // REPSCORE_CORE_DATA_NPY_HEADER_H_
