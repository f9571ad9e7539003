#include <cstdlib>

#include "core/data/npy.h"
#include "core/data/npy_header.h"
#include "tests/fuzz/fuzz_targets.h"

namespace repscore::fuzz {

bool npy(absl::Span<const std::byte> bytes) {
  const absl::StatusOr<HostArray> array = ParseNpy(bytes);
  if (!array.ok()) {
    if (array.status().code() != absl::StatusCode::kInvalidArgument) {
      std::abort();
    }
    return false;
  }
  const absl::StatusOr<int64_t> size = CheckedByteSize(array->spec, "array");
  if (!size.ok() || static_cast<int64_t>(array->data.size()) != *size ||
      array->data.size() > bytes.size()) {
    std::abort();
  }
  const absl::StatusOr<std::string> header = FormatNpyHeader(array->spec);
  if (!header.ok()) {
    std::abort();
  }
  const absl::StatusOr<NpyHeader> again = ParseNpyHeader(absl::MakeConstSpan(
      reinterpret_cast<const std::byte*>(header->data()), header->size()));
  if (!again.ok() || !(again->spec == array->spec)) {
    std::abort();
  }
  return true;
}

}  // namespace repscore::fuzz
