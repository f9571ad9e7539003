// What fuzzers feed with bytes. A target aborts when a promise is broken.
#ifndef REPSCORE_TESTS_FUZZ_FUZZ_TARGETS_H_
#define REPSCORE_TESTS_FUZZ_FUZZ_TARGETS_H_

#include <cstddef>

#include "absl/types/span.h"

namespace repscore::fuzz {

/// The bytes of an .npy file. True when they are accepted.
bool npy(absl::Span<const std::byte> bytes);

/// The bytes of an .npz file. True when an array in it is accepted.
bool npz(absl::Span<const std::byte> bytes);

}  // namespace repscore::fuzz

#endif  // REPSCORE_TESTS_FUZZ_FUZZ_TARGETS_H_
