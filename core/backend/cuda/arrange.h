// The order of operations that are recorded: by what they read and write,
// not by when they were asked for, so that like ones come together.
//
// A loop over folds asks for the same few operations fold after fold. None of
// them needs another fold's; arranged, the first operation of all folds comes
// first, as one launch, and so on.
#ifndef REPSCORE_CORE_BACKEND_CUDA_ARRANGE_H_
#define REPSCORE_CORE_BACKEND_CUDA_ARRANGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "core/backend/matrix.h"

namespace repscore::cuda {

/// The memory of a matrix: equally spaced columns.
struct Region {
  int64_t first = 0;         ///< address
  int64_t column_bytes = 0;  ///< of one column's elements
  int64_t cols = 0;
  int64_t step = 0;  ///< bytes from one column to the next
};

Region RegionOf(const Matrix& matrix);

/// Whether both have a byte in common. Where columns of different steps are
/// interleaved it is taken for granted.
bool Overlap(const Region& a, const Region& b);

/// What is known of an operation.
struct Operation {
  /// Operations of one kind can be launched together; null when this one
  /// cannot.
  const void* kind = nullptr;
  /// It touches other memory too, and stays where it is.
  bool fixed = true;
  absl::InlinedVector<Region, 3> reads = {};
  absl::InlinedVector<Region, 2> writes = {};
};

/// Indices of all operations, in the order in which to do them; those of a
/// group at once. Two of them that touch the same memory, unless both only
/// read it, are never in one group and keep their order.
std::vector<std::vector<size_t>> Arrange(
    absl::Span<const Operation> operations);

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_ARRANGE_H_
