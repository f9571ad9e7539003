#include <cstdlib>

#include "core/data/npy.h"
#include "tests/fuzz/fuzz_targets.h"

namespace repscore::fuzz {

bool npz(absl::Span<const std::byte> bytes) {
  bool is_accepted = false;
  for (const char* key : {"", "a", "matrix"}) {
    const absl::StatusOr<HostArray> array = ParseNpz(bytes, key);
    if (!array.ok()) {
      const absl::StatusCode code = array.status().code();
      if (code != absl::StatusCode::kInvalidArgument &&
          code != absl::StatusCode::kNotFound) {
        std::abort();
      }
      continue;
    }
    is_accepted = true;
    const absl::StatusOr<int64_t> size = CheckedByteSize(array->spec, "array");
    if (!size.ok() || static_cast<int64_t>(array->data.size()) != *size) {
      std::abort();
    }
  }
  return is_accepted;
}

}  // namespace repscore::fuzz
