// Bytes of a run's state: little-endian, self-describing lengths, a digest at
// the end.
#ifndef REPSCORE_CORE_OPTIMIZE_CHECKPOINT_H_
#define REPSCORE_CORE_OPTIMIZE_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backend/backend.h"

namespace repscore {

class CheckpointWriter {
 public:
  /// For about so many bytes of matrices: as many are allocated at once.
  explicit CheckpointWriter(int64_t bytes = 0);
  void Write(int64_t value);
  void Write(double value);
  void Write(const std::vector<double>& values);
  /// Elements in the matrix's own scalar type.
  void Write(Backend& backend, const Matrix& matrix);
  /// The bytes with their digest. The writer is empty afterwards.
  std::string Finish();

 private:
  std::string bytes_;
};

/// Reads what a CheckpointWriter wrote, in the same order. DataLoss when the
/// bytes are damaged or hold something else.
class CheckpointReader {
 public:
  static absl::StatusOr<CheckpointReader> Open(std::string_view bytes);

  absl::Status Read(int64_t& value);
  absl::Status Read(double& value);
  absl::Status Read(std::vector<double>& values);
  /// Into a matrix of the same shape and scalar type.
  absl::Status Read(Backend& backend, const Matrix& matrix);

 private:
  explicit CheckpointReader(std::string_view rest) : rest_(rest) {}
  absl::Status Take(void* out, size_t size);

  std::string_view rest_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_CHECKPOINT_H_
