// A dense column-major matrix in a backend's memory.
//
// A Matrix is a handle: copies share the elements. Views of rows and columns
// share them too. Which thread may touch the elements is the backend's rule:
// the one that owns the backend.
#ifndef REPSCORE_CORE_BACKEND_MATRIX_H_
#define REPSCORE_CORE_BACKEND_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace repscore {

enum class ScalarType { kFloat32, kFloat64 };

constexpr int64_t ScalarSize(ScalarType type) {
  return type == ScalarType::kFloat32 ? 4 : 8;
}

class Matrix {
 public:
  /// An empty matrix, 0 x 0.
  Matrix() = default;

  /// `buffer` keeps `data` alive; only backends make matrices.
  Matrix(std::shared_ptr<void> buffer,
         void* data,
         int64_t rows,
         int64_t cols,
         int64_t stride,
         ScalarType type)
      : buffer_(std::move(buffer)),
        data_(data),
        rows_(rows),
        cols_(cols),
        stride_(stride),
        type_(type) {}

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t size() const { return rows_ * cols_; }
  bool empty() const { return size() == 0; }
  /// Elements from one column to the next.
  int64_t stride() const { return stride_; }
  ScalarType type() const { return type_; }
  int64_t bytes() const { return size() * ScalarSize(type_); }

  void* data() const { return data_; }
  /// Keeps the elements alive; its deleter is the backend's own.
  const std::shared_ptr<void>& buffer() const { return buffer_; }

  Matrix Columns(int64_t first, int64_t count) const {
    return {buffer_, At(0, first), rows_, count, stride_, type_};
  }
  Matrix Rows(int64_t first, int64_t count) const {
    return {buffer_, At(first, 0), count, cols_, stride_, type_};
  }

 private:
  void* At(int64_t row, int64_t col) const {
    return static_cast<std::byte*>(data_) +
           (col * stride_ + row) * ScalarSize(type_);
  }

  std::shared_ptr<void> buffer_;
  void* data_ = nullptr;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  int64_t stride_ = 0;
  ScalarType type_ = ScalarType::kFloat64;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_BACKEND_MATRIX_H_
