// The way back to the rows: products block of columns by block of columns, so
// that a block of the gradient is consumed while it is in the cache.
#include <algorithm>
#include <map>
#include <vector>

#include "core/backend/cpu/cpu_backend.h"
#include "core/backend/cpu/typed.h"
#include "core/base/parallel.h"

namespace repscore::cpu {
namespace {

// Columns per block: wide enough for GEMM, and what a product leaves stays in
// the cache until it is consumed.
constexpr int64_t kMostColumns = 96;
// Blocks of fewer columns are not worth a thread's product: rows are read once
// per block.
constexpr int64_t kLeastColumns = 16;
// Time of a step of Adam per element, in operations of a product.
constexpr double kStepWork = 64.0;

/// Of the products of `terms` and of what follows them.
double PullBackWork(const PullBackTerms& terms) {
  double inner = kStepWork / 2;
  if (!terms.kernel.empty()) {
    inner += static_cast<double>(terms.own.rows());
  }
  for (const RowTerms& rows : terms.rows) {
    const double share =
        static_cast<double>(rows.count) / static_cast<double>(terms.own.rows());
    inner += share * static_cast<double>(rows.other_weights.rows() +
                                         rows.own_weights.rows());
  }
  const double flops = 2.0 * static_cast<double>(terms.own.size()) * inner;
  return IsDouble(terms.own) ? 2.0 * flops : flops;
}

/// True where products write every row of a block, so that it needs no zeros:
/// `terms.rows` are disjoint.
bool ProductsCoverRows(const PullBackTerms& terms) {
  int64_t covered = 0;
  for (const RowTerms& rows : terms.rows) {
    if (!rows.other_weights.empty() || !rows.own_weights.empty()) {
      covered += rows.count;
    }
  }
  return covered == terms.own.rows();
}

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
                  int threads,
                  std::vector<Backend::StepNorms>& norms) {
  ForEach(block.cols(), threads, [&](int64_t k) {
    const int64_t j = first_column + k;
    T* gradient = Column<T>(block, k);
    Backend::StepNorms& norm = norms[static_cast<size_t>(j)];
    norm.gradient_squared = FinishColumn<T>(kernels, terms, j, gradient);
    if (state != nullptr) {
      norm.next_squared =
          StepColumn<T>(kernels, terms.own, *state, j, gradient);
    }
  });
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
  // What is there when a product of rows comes: it adds, or it writes.
  bool holds_part = true;
  if (!terms.kernel.empty()) {
    Gemm(Op::kNone,
         Op::kNone,
         1.0,
         terms.kernel,
         terms.own.Columns(first_column, columns),
         0.0,
         block);
  } else if (ProductsCoverRows(terms)) {
    holds_part = false;
  } else {
    Fill(0.0, block);
  }
  for (const RowTerms& rows : terms.rows) {
    const Matrix part = block.Rows(rows.first, rows.count);
    double beta = holds_part ? 1.0 : 0.0;
    const auto add = [&](const Matrix& from, const Matrix& weights) {
      if (!weights.empty()) {
        Gemm(Op::kNone,
             Op::kNone,
             1.0,
             from.Rows(rows.first, rows.count),
             weights.Columns(first_column, columns),
             beta,
             part);
        beta = 1.0;
      }
    };
    add(terms.other, rows.other_weights);
    add(terms.own, rows.own_weights);
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

CpuBackend::BlockPlan CpuBackend::PlanBlocks(const PullBackTerms& terms) const {
  const int64_t columns = terms.own.cols();
  const int threads = ThreadsFor(PullBackWork(terms));
  const int64_t rounds =
      (columns + threads * kMostColumns - 1) / (threads * kMostColumns);
  const int64_t blocks = std::max<int64_t>(1, rounds * threads);
  const int64_t width = std::max<int64_t>(1, (columns + blocks - 1) / blocks);
  if (threads > 1 && width < kLeastColumns) {
    return {.width = std::min(kMostColumns, columns), .within = threads};
  }
  return {.width = width, .side_by_side = threads};
}

template <typename Consume>
void CpuBackend::ForBlocks(const PullBackTerms& terms,
                           const BlockPlan& plan,
                           const Matrix& into,
                           const Consume& consume) {
  const int64_t columns = terms.own.cols();
  const bool is_whole = into.cols() == columns;
  ForEach(plan.side_by_side, plan.side_by_side, [&](int64_t thread) {
    for (int64_t first = thread * plan.width; first < columns;
         first += plan.side_by_side * plan.width) {
      const int64_t width = std::min(plan.width, columns - first);
      const Matrix block =
          into.Columns(is_whole ? first : thread * plan.width, width);
      PullBackBlock(terms, first, block);
      consume(first, block);
    }
  });
}

void CpuBackend::PullBack(const PullBackTerms& terms, const Matrix& gradient) {
  Require(gradient.rows() == terms.own.rows() &&
              gradient.cols() == terms.own.cols() &&
              gradient.type() == terms.own.type(),
          "PullBack");
  const PullBackTerms cast = Cast(terms);
  std::vector<StepNorms> norms(static_cast<size_t>(gradient.cols()));
  const BlockPlan plan = PlanBlocks(cast);
  ForBlocks(cast, plan, gradient, [&](int64_t first, const Matrix& block) {
    if (IsDouble(gradient)) {
      ConsumeBlock<double>(
          kernels_, cast, nullptr, first, block, plan.within, norms);
    } else {
      ConsumeBlock<float>(
          kernels_, cast, nullptr, first, block, plan.within, norms);
    }
  });
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
  const BlockPlan plan = PlanBlocks(cast);
  const Matrix scratch =
      Allocate(own.rows(),
               std::min(plan.width * plan.side_by_side, own.cols()),
               own.type());
  ForBlocks(cast, plan, scratch, [&](int64_t at, const Matrix& block) {
    if (IsDouble(own)) {
      ConsumeBlock<double>(
          kernels_, cast, &state, at, block, plan.within, norms);
    } else {
      ConsumeBlock<float>(
          kernels_, cast, &state, at, block, plan.within, norms);
    }
  });
  return Total(norms);
}

}  // namespace repscore::cpu
