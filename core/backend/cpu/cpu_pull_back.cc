// The way back to the rows: products block of columns by block of columns, so
// that a block of the gradient is consumed while it is in the cache.
#include <algorithm>
#include <map>
#include <vector>

#include "core/backend/cpu/cpu_backend.h"
#include "core/backend/cpu/typed.h"

namespace repscore::cpu {
namespace {

// Columns per block: wide enough for GEMM, and n * 64 elements stay in cache.
constexpr int64_t kBlockColumns = 64;

template <typename T>
struct ColumnLoops;

template <>
struct ColumnLoops<double> {
  static double AddTerms(const KernelTable& kernels,
                         int64_t n,
                         const ColumnTerms<double>& terms,
                         double* g) {
    return kernels.add_terms_f64(n, terms, g);
  }
  static double Centre(const KernelTable& kernels,
                       int64_t n,
                       double mean,
                       double* g) {
    return kernels.centre_f64(n, mean, g);
  }
  static double Adam(const KernelTable& kernels,
                     int64_t n,
                     const AdamColumn<double>& column,
                     const double* g) {
    return kernels.adam_f64(n, column, g);
  }
};

template <>
struct ColumnLoops<float> {
  static double AddTerms(const KernelTable& kernels,
                         int64_t n,
                         const ColumnTerms<float>& terms,
                         float* g) {
    return kernels.add_terms_f32(n, terms, g);
  }
  static double Centre(const KernelTable& kernels,
                       int64_t n,
                       double mean,
                       float* g) {
    return kernels.centre_f32(n, mean, g);
  }
  static double Adam(const KernelTable& kernels,
                     int64_t n,
                     const AdamColumn<float>& column,
                     const float* g) {
    return kernels.adam_f32(n, column, g);
  }
};

/// Adds the elementwise terms to column j of the gradient and centres it;
/// returns its squared norm.
template <typename T>
double FinishColumn(const KernelTable& kernels,
                    const PullBackTerms& terms,
                    int64_t j,
                    T* gradient) {
  const int64_t n = terms.own.rows();
  ColumnTerms<T> elementwise;
  elementwise.own = Column<T>(terms.own, j);
  elementwise.own_scale = terms.own_scale;
  if (!terms.row_weights.empty()) {
    elementwise.row_weights = Data<double>(terms.row_weights);
  }
  if (!terms.direct.empty()) {
    elementwise.direct = Column<double>(terms.direct, j);
  }
  double sum = ColumnLoops<T>::AddTerms(kernels, n, elementwise, gradient);
  if (!terms.means.empty()) {
    sum -= Data<double>(terms.means)[j];
  }
  return ColumnLoops<T>::Centre(
      kernels, n, sum / static_cast<double>(n), gradient);
}

struct AdamMatrices {
  AdamCoefficients adam;
  Matrix first;
  Matrix second;
  Matrix next;
  Matrix means;
};

template <typename T>
double StepColumn(const KernelTable& kernels,
                  const Matrix& own,
                  const AdamMatrices& state,
                  int64_t j,
                  const T* gradient) {
  const int64_t n = own.rows();
  AdamColumn<T> column;
  column.own = Column<T>(own, j);
  column.first = Column<T>(state.first, j);
  column.second = Column<T>(state.second, j);
  column.next = Column<T>(state.next, j);
  column.beta1 = state.adam.beta1;
  column.beta2 = state.adam.beta2;
  column.epsilon = state.adam.epsilon;
  column.step_size = state.adam.step_size;
  column.second_scale = state.adam.second_scale;
  const double mean = ColumnLoops<T>::Adam(kernels, n, column, gradient) /
                      static_cast<double>(n);
  Data<double>(state.means)[j] += mean;
  return ColumnLoops<T>::Centre(kernels, n, mean, column.next);
}

/// One block after its products: returns (gradient^2, next^2) of its columns.
template <typename T>
void ConsumeBlock(const KernelTable& kernels,
                  const PullBackTerms& terms,
                  const AdamMatrices* state,
                  int64_t first_column,
                  const Matrix& block,
                  std::vector<Backend::StepNorms>& norms) {
#pragma omp parallel for schedule(static)
  for (int64_t k = 0; k < block.cols(); ++k) {
    const int64_t j = first_column + k;
    T* gradient = Column<T>(block, k);
    Backend::StepNorms& norm = norms[static_cast<size_t>(j)];
    norm.gradient_squared = FinishColumn<T>(kernels, terms, j, gradient);
    if (state != nullptr) {
      norm.next_squared =
          StepColumn<T>(kernels, terms.own, *state, j, gradient);
    }
  }
}

Backend::StepNorms Total(const std::vector<Backend::StepNorms>& norms) {
  Backend::StepNorms total;
  for (const Backend::StepNorms& norm : norms) {
    total.gradient_squared += norm.gradient_squared;
    total.next_squared += norm.next_squared;
  }
  return total;
}

}  // namespace

PullBackTerms CpuBackend::Cast(const PullBackTerms& terms) {
  const ScalarType type = terms.own.type();
  PullBackTerms cast = terms;
  if (!cast.kernel.empty()) {
    cast.kernel = As(cast.kernel, type);
  }
  // Folds share matrices: each is converted once.
  std::map<const void*, Matrix> converted;
  const auto convert = [&](Matrix& part) {
    if (part.empty() || part.type() == type) {
      return;
    }
    Matrix& slot = converted[part.data()];
    if (slot.empty()) {
      slot = As(part, type);
    }
    part = slot;
  };
  for (RowTerms& rows : cast.rows) {
    convert(rows.other_weights);
    convert(rows.own_weights);
  }
  return cast;
}

void CpuBackend::PullBackBlock(const PullBackTerms& terms,
                               int64_t first_column,
                               const Matrix& block) {
  const int64_t columns = block.cols();
  if (!terms.kernel.empty()) {
    Gemm(Op::kNone,
         Op::kNone,
         1.0,
         terms.kernel,
         terms.own.Columns(first_column, columns),
         0.0,
         block);
  } else {
    Fill(0.0, block);
  }
  for (const RowTerms& rows : terms.rows) {
    const Matrix part = block.Rows(rows.first, rows.count);
    if (!rows.other_weights.empty()) {
      Gemm(Op::kNone,
           Op::kNone,
           1.0,
           terms.other.Rows(rows.first, rows.count),
           rows.other_weights.Columns(first_column, columns),
           1.0,
           part);
    }
    if (!rows.own_weights.empty()) {
      Gemm(Op::kNone,
           Op::kNone,
           1.0,
           terms.own.Rows(rows.first, rows.count),
           rows.own_weights.Columns(first_column, columns),
           1.0,
           part);
    }
    if (!rows.offset.empty()) {
      for (int64_t k = 0; k < columns; ++k) {
        const double offset = Data<double>(rows.offset)[first_column + k];
        if (IsDouble(part)) {
          double* column = Column<double>(part, k);
          for (int64_t i = 0; i < part.rows(); ++i) {
            column[i] += offset;
          }
        } else {
          float* column = Column<float>(part, k);
          for (int64_t i = 0; i < part.rows(); ++i) {
            column[i] += static_cast<float>(offset);
          }
        }
      }
    }
  }
}

void CpuBackend::PullBack(const PullBackTerms& terms, const Matrix& gradient) {
  Require(gradient.rows() == terms.own.rows() &&
              gradient.cols() == terms.own.cols() &&
              gradient.type() == terms.own.type(),
          "PullBack");
  const PullBackTerms cast = Cast(terms);
  std::vector<StepNorms> norms(static_cast<size_t>(gradient.cols()));
  for (int64_t j = 0; j < gradient.cols(); j += kBlockColumns) {
    const int64_t columns = std::min(kBlockColumns, gradient.cols() - j);
    const Matrix block = gradient.Columns(j, columns);
    PullBackBlock(cast, j, block);
    UseThreadsFor(static_cast<double>(block.size()) * 8);
    if (IsDouble(gradient)) {
      ConsumeBlock<double>(kernels_, cast, nullptr, j, block, norms);
    } else {
      ConsumeBlock<float>(kernels_, cast, nullptr, j, block, norms);
    }
  }
}

Backend::StepNorms CpuBackend::PullBackAdam(const PullBackTerms& terms,
                                            const AdamCoefficients& adam,
                                            const Matrix& first,
                                            const Matrix& second,
                                            const Matrix& next,
                                            const Matrix& means) {
  const Matrix& own = terms.own;
  Require(next.rows() == own.rows() && next.cols() == own.cols() &&
              next.type() == own.type() && first.type() == own.type() &&
              next.data() != own.data(),
          "PullBackAdam");
  const PullBackTerms cast = Cast(terms);
  const AdamMatrices state = {adam, first, second, next, means};
  std::vector<StepNorms> norms(static_cast<size_t>(own.cols()));
  const Matrix scratch =
      Allocate(own.rows(), std::min(kBlockColumns, own.cols()), own.type());
  for (int64_t j = 0; j < own.cols(); j += kBlockColumns) {
    const int64_t columns = std::min(kBlockColumns, own.cols() - j);
    const Matrix block = scratch.Columns(0, columns);
    PullBackBlock(cast, j, block);
    UseThreadsFor(static_cast<double>(block.size()) * 16);
    if (IsDouble(own)) {
      ConsumeBlock<double>(kernels_, cast, &state, j, block, norms);
    } else {
      ConsumeBlock<float>(kernels_, cast, &state, j, block, norms);
    }
  }
  return Total(norms);
}

}  // namespace repscore::cpu
