// The way back to the rows: products over all columns, written where the next
// iterate goes, then one fused kernel. A step waits for its two norms only.
#include <array>
#include <map>
#include <vector>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/cuda_backend.h"

namespace repscore::cuda {
namespace {

/// Whether the parts cover all n rows, one after the other.
bool CoverRows(const std::vector<RowTerms>& parts, int64_t n) {
  int64_t next = 0;
  for (const RowTerms& part : parts) {
    if (part.first != next) {
      return false;
    }
    next += part.count;
  }
  return next == n;
}

}  // namespace

PullBackTerms CudaBackend::Prepare(const PullBackTerms& terms) {
  const ScalarType type = terms.own.type();
  PullBackTerms ready = terms;
  Begin({&terms.own,
         &terms.other,
         &terms.row_weights,
         &terms.kernel,
         &terms.direct,
         &terms.means},
        {});
  if (!ready.kernel.empty()) {
    ready.kernel = As(ready.kernel, type);
  }
  // Folds share matrices: each is converted once.
  std::map<const void*, Matrix> converted;
  const auto convert = [&](Matrix& part) {
    if (part.empty()) {
      return;
    }
    Begin({&part}, {});
    if (part.type() != type) {
      Matrix& slot = converted[part.data()];
      if (slot.empty()) {
        slot = As(part, type);
      }
      part = slot;
    }
  };
  for (RowTerms& rows : ready.rows) {
    convert(rows.other_weights);
    convert(rows.own_weights);
    Begin({&rows.offset}, {});
  }
  return ready;
}

void CudaBackend::EnqueueRowTerms(const PullBackTerms& terms,
                                  const RowTerms& rows,
                                  bool overwrite,
                                  const Matrix& out) {
  const Matrix part = out.Rows(rows.first, rows.count);
  if (!rows.offset.empty()) {
    queue_->Launch<SetOffsets>(
        "pulling back to the rows", rows.offset, !overwrite, Written{part});
    overwrite = false;
  }
  const auto multiply = [&](const Matrix& side, const Matrix& weights) {
    if (!weights.empty()) {
      EnqueueGemm(Op::kNone,
                  Op::kNone,
                  1.0,
                  side.Rows(rows.first, rows.count),
                  weights,
                  overwrite ? 0.0 : 1.0,
                  part);
      overwrite = false;
    }
  };
  multiply(terms.other, rows.other_weights);
  multiply(terms.own, rows.own_weights);
  if (overwrite) {
    EnqueueFill(0.0, part);
  }
}

void CudaBackend::EnqueueProducts(const PullBackTerms& terms,
                                  const Matrix& out) {
  bool overwrite = false;
  if (!terms.kernel.empty()) {
    EnqueueGemm(Op::kNone, Op::kNone, 1.0, terms.kernel, terms.own, 0.0, out);
  } else if (CoverRows(terms.rows, out.rows())) {
    overwrite = true;
  } else {
    EnqueueFill(0.0, out);
  }
  for (const RowTerms& rows : terms.rows) {
    EnqueueRowTerms(terms, rows, overwrite, out);
  }
}

void CudaBackend::PullBack(const PullBackTerms& terms, const Matrix& gradient) {
  Require(SameShape(gradient, terms.own) && gradient.type() == terms.own.type(),
          "PullBack");
  const PullBackTerms ready = Prepare(terms);
  Begin({}, {&gradient});
  EnqueueProducts(ready, gradient);
  queue_->Do(
      "pulling back to the rows",
      [](Queue& queue,
         const Matrix& own,
         const Matrix& row_weights,
         const Matrix& direct,
         const Matrix& means,
         const double* own_scale,
         const Matrix& out) {
        return FinishGradient(queue.launcher(),
                              {own, row_weights, direct, means},
                              own_scale,
                              out);
      },
      ready.own,
      ready.row_weights,
      ready.direct,
      ready.means,
      Scalar{ready.own_scale},
      gradient);
}

Backend::StepNorms CudaBackend::PullBackAdam(const PullBackTerms& terms,
                                             const AdamCoefficients& adam,
                                             const Matrix& first,
                                             const Matrix& second,
                                             const Matrix& next,
                                             const Matrix& means) {
  const Matrix& own = terms.own;
  Require(SameShape(next, own) && SameShape(first, own) &&
              SameShape(second, own) && next.type() == own.type() &&
              first.type() == own.type() && second.type() == own.type() &&
              means.rows() == own.cols() && IsDouble(means) &&
              next.data() != own.data(),
          "PullBackAdam");
  const PullBackTerms ready = Prepare(terms);
  Begin({}, {&first, &second, &next, &means});
  const std::array<double, 6> factors = {adam.beta1,
                                         adam.beta2,
                                         adam.epsilon,
                                         adam.step_size,
                                         adam.second_scale,
                                         ready.own_scale};
  static_assert(sizeof(StepFactors) == sizeof(factors));
  const Matrix norms = Allocate(own.cols(), 2, ScalarType::kFloat64);
  EnqueueProducts(ready, next);
  queue_->Do(
      "making a step",
      [](Queue& queue,
         const Matrix& rows,
         const Matrix& row_weights,
         const Matrix& direct,
         const Matrix& own_means,
         const void* rates,
         const Matrix& first_moment,
         const Matrix& second_moment,
         const Matrix& to,
         const Matrix& to_means,
         const Matrix& column_norms) {
        return FinishStep(queue.launcher(),
                          {rows, row_weights, direct, own_means},
                          {static_cast<const StepFactors*>(rates),
                           first_moment,
                           second_moment,
                           to,
                           to_means,
                           column_norms});
      },
      ready.own,
      ready.row_weights,
      ready.direct,
      ready.means,
      Table{factors.data(), sizeof(factors)},
      first,
      second,
      next,
      means,
      norms);
  const Matrix totals = Results(2);
  EnqueueColumnSums(norms, totals);
  const std::vector<double> sums = Take(totals);
  return {.gradient_squared = sums[0], .next_squared = sums[1]};
}

}  // namespace repscore::cuda
