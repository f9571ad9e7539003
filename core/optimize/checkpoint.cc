#include "core/optimize/checkpoint.h"

#include <algorithm>
#include <utility>

#include "core/base/digest.h"
#include "core/base/status_macros.h"

namespace repscore {
namespace {

constexpr std::string_view kMagic = "repscore checkpoint 3\n";
constexpr size_t kDigestSize = 64;
// Of what is beside the matrices.
constexpr size_t kSlackBytes = 1 << 14;
// Elements that are on their way at a time.
constexpr int64_t kBufferElements = 1 << 16;

absl::Status Damaged() {
  return absl::DataLossError("checkpoint: the bytes are damaged");
}

void Append(std::string& bytes, const void* data, size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

}  // namespace

CheckpointWriter::CheckpointWriter(int64_t bytes) : bytes_(kMagic) {
  bytes_.reserve(static_cast<size_t>(bytes) + kSlackBytes);
}

void CheckpointWriter::Write(int64_t value) {
  Append(bytes_, &value, sizeof(value));
}

void CheckpointWriter::Write(double value) {
  Append(bytes_, &value, sizeof(value));
}

void CheckpointWriter::Write(const std::vector<double>& values) {
  Write(static_cast<int64_t>(values.size()));
  Append(bytes_, values.data(), values.size() * sizeof(double));
}

void CheckpointWriter::Write(Backend& backend, const Matrix& matrix) {
  Write(matrix.rows());
  Write(matrix.cols());
  // Column by column through a small buffer: the host has no copy of it all.
  const int64_t most = std::max<int64_t>(
      1, kBufferElements / std::max<int64_t>(1, matrix.rows()));
  std::vector<double> values;
  std::vector<float> narrow;
  for (int64_t first = 0; first < matrix.cols(); first += most) {
    const Matrix part =
        matrix.Columns(first, std::min(most, matrix.cols() - first));
    values.resize(static_cast<size_t>(part.size()));
    backend.Download(part, absl::MakeSpan(values));
    if (matrix.type() == ScalarType::kFloat64) {
      Append(bytes_, values.data(), values.size() * sizeof(double));
    } else {
      narrow.assign(values.begin(), values.end());
      Append(bytes_, narrow.data(), narrow.size() * sizeof(float));
    }
  }
}

std::string CheckpointWriter::Finish() {
  bytes_ += Sha256Hex(bytes_);
  return std::exchange(bytes_, std::string());
}

absl::StatusOr<CheckpointReader> CheckpointReader::Open(
    std::string_view bytes) {
  if (bytes.size() < kMagic.size() + kDigestSize ||
      bytes.substr(0, kMagic.size()) != kMagic) {
    return Damaged();
  }
  const std::string_view content = bytes.substr(0, bytes.size() - kDigestSize);
  if (Sha256Hex(content) != bytes.substr(content.size())) {
    return Damaged();
  }
  return CheckpointReader(content.substr(kMagic.size()));
}

absl::Status CheckpointReader::Take(void* out, size_t size) {
  if (rest_.size() < size) {
    return Damaged();
  }
  rest_.copy(static_cast<char*>(out), size);
  rest_.remove_prefix(size);
  return absl::OkStatus();
}

absl::Status CheckpointReader::Read(int64_t& value) {
  return Take(&value, sizeof(value));
}

absl::Status CheckpointReader::Read(double& value) {
  return Take(&value, sizeof(value));
}

absl::Status CheckpointReader::Read(std::vector<double>& values) {
  int64_t size = 0;
  REPSCORE_RETURN_IF_ERROR(Read(size));
  if (size < 0 || static_cast<size_t>(size) > rest_.size() / sizeof(double)) {
    return Damaged();
  }
  values.resize(static_cast<size_t>(size));
  return Take(values.data(), values.size() * sizeof(double));
}

absl::Status CheckpointReader::Read(Backend& backend, const Matrix& matrix) {
  int64_t rows = 0;
  int64_t cols = 0;
  REPSCORE_RETURN_IF_ERROR(Read(rows));
  REPSCORE_RETURN_IF_ERROR(Read(cols));
  if (rows != matrix.rows() || cols != matrix.cols()) {
    return absl::DataLossError(
        "checkpoint: it belongs to a run of another size");
  }
  std::vector<double> values(static_cast<size_t>(matrix.size()));
  if (matrix.type() == ScalarType::kFloat64) {
    REPSCORE_RETURN_IF_ERROR(
        Take(values.data(), values.size() * sizeof(double)));
  } else {
    std::vector<float> narrow(values.size());
    REPSCORE_RETURN_IF_ERROR(
        Take(narrow.data(), narrow.size() * sizeof(float)));
    values.assign(narrow.begin(), narrow.end());
  }
  backend.Upload(values, matrix);
  return absl::OkStatus();
}

}  // namespace repscore
