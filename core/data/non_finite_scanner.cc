#include "core/data/non_finite_scanner.h"

#include <algorithm>

namespace repscore {
namespace {

bool IsFloatingPoint(DataType type) {
  return type == DataType::kFloat64 || type == DataType::kFloat32 ||
         type == DataType::kFloat16 || type == DataType::kBfloat16;
}

}  // namespace

NonFiniteScanner::NonFiniteScanner(DataType type)
    : type_(type),
      element_size_(static_cast<size_t>(ElementSize(type))),
      is_always_finite_(!IsFloatingPoint(type)) {}

void NonFiniteScanner::Scan(absl::Span<const std::byte> bytes) {
  if (is_always_finite_ || first_ >= 0) {
    return;
  }
  if (partial_size_ > 0) {
    const size_t taken = std::min(element_size_ - partial_size_, bytes.size());
    std::copy_n(bytes.begin(), taken, partial_.begin() + partial_size_);
    partial_size_ += taken;
    bytes.remove_prefix(taken);
    if (partial_size_ < element_size_) {
      return;
    }
    partial_size_ = 0;
    ScanElements(absl::MakeConstSpan(partial_).first(element_size_));
  }
  const size_t whole = bytes.size() - bytes.size() % element_size_;
  ScanElements(bytes.first(whole));
  partial_size_ = bytes.size() - whole;
  std::copy(bytes.begin() + whole, bytes.end(), partial_.begin());
}

void NonFiniteScanner::ScanElements(absl::Span<const std::byte> bytes) {
  constexpr size_t kBlock = 1024;
  std::array<double, kBlock> values = {};
  while (!bytes.empty() && first_ < 0) {
    const size_t count = std::min(kBlock, bytes.size() / element_size_);
    const absl::Span<double> block = absl::MakeSpan(values).first(count);
    ConvertToDouble(type_, bytes.first(count * element_size_), block);
    if (const int64_t found = FirstNonFinite(block); found >= 0) {
      first_ = scanned_ + found;
    }
    scanned_ += static_cast<int64_t>(count);
    bytes.remove_prefix(count * element_size_);
  }
}

}  // namespace repscore
