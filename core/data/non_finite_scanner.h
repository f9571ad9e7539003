// Finds the first NaN or infinity of an array that arrives in pieces. Not
// thread-safe.
#ifndef REPSCORE_CORE_DATA_NON_FINITE_SCANNER_H_
#define REPSCORE_CORE_DATA_NON_FINITE_SCANNER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "core/base/dtype.h"

namespace repscore {

class NonFiniteScanner {
 public:
  explicit NonFiniteScanner(DataType type);

  /// The next bytes; they need not end at an element.
  void Scan(absl::Span<const std::byte> bytes);

  /// Index of the first element that is NaN or infinite, -1 for none so far.
  int64_t first() const { return first_; }

 private:
  void ScanElements(absl::Span<const std::byte> bytes);

  DataType type_;
  size_t element_size_;
  bool is_always_finite_;
  int64_t scanned_ = 0;
  int64_t first_ = -1;
  /// The beginning of an element whose end has not come.
  std::array<std::byte, 8> partial_ = {};
  size_t partial_size_ = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_DATA_NON_FINITE_SCANNER_H_
