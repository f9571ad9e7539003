// NumPy .npy and .npz files, read into little-endian row-major arrays.
//
// Reads C and Fortran order, both byte orders and all real numeric types
// (bool, int8-64, uint8-64, float16-64). Object arrays (pickles), complex,
// string and structured types are InvalidArgument, as is any header that does
// not match the bytes behind it. Nothing in a file is ever executed.
#ifndef REPSCORE_CORE_DATA_NPY_H_
#define REPSCORE_CORE_DATA_NPY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/data/dataset.h"

namespace repscore {

/// Parses the bytes of one .npy file.
absl::StatusOr<HostArray> ParseNpy(absl::Span<const std::byte> bytes);

/// Reads an .npy file, or one array of an .npz file ("path.npz:key", or
/// "path.npz" when it holds exactly one). NotFound when there is no such file
/// or key (the message lists the keys there are).
absl::StatusOr<HostArray> ReadArrayFile(const std::string& path);

/// Reads one array of an .npz file; an empty `key` means the only one. As
/// ReadArrayFile, and InvalidArgument for archives that are encrypted, use
/// another compression than deflate, hold a name twice, or expand beyond
/// kMaxNpzRatio (zip bombs).
absl::StatusOr<HostArray> ReadNpz(const std::string& path,
                                  std::string_view key);

/// As ReadNpz, from the bytes of the archive.
absl::StatusOr<HostArray> ParseNpz(absl::Span<const std::byte> bytes,
                                   std::string_view key);

/// Arrays over 256 MiB may be this many times as long as their compressed form.
constexpr int64_t kMaxNpzRatio = 200;

/// Keys of an .npz file in the order of the archive.
absl::StatusOr<std::vector<std::string>> ListNpzKeys(const std::string& path);

/// Writes a version 1.0 .npy file, atomically (temporary file and rename).
absl::Status WriteNpy(const std::string& path, const HostArray& array);

}  // namespace repscore

#endif  // REPSCORE_CORE_DATA_NPY_H_
