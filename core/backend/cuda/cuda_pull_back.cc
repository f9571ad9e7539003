// The way back to the rows: products over all columns, written where the next
// iterate goes, then one fused kernel. A step waits for its two norms only.
#include <algorithm>
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

GradientTerms ElementsOf(const PullBackTerms& terms) {
  return {terms.own, terms.row_weights, terms.direct, terms.means};
}

void Append(StepGraphs::Key& key, const Matrix& matrix) {
  key.insert(key.end(),
             {reinterpret_cast<int64_t>(matrix.data()),
              matrix.rows(),
              matrix.cols(),
              matrix.stride(),
              static_cast<int64_t>(matrix.type())});
}

void Append(StepGraphs::Key& key, const PullBackTerms& terms) {
  for (const Matrix* matrix : {&terms.own,
                               &terms.other,
                               &terms.row_weights,
                               &terms.kernel,
                               &terms.direct,
                               &terms.means}) {
    Append(key, *matrix);
  }
  for (const RowTerms& rows : terms.rows) {
    key.insert(key.end(), {rows.first, rows.count});
    for (const Matrix* matrix :
         {&rows.other_weights, &rows.own_weights, &rows.offset}) {
      Append(key, *matrix);
    }
  }
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
    Check(SetOffsets(stream(), rows.offset, !overwrite, part),
          "pulling back to the rows");
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
    Check(FillElements(stream(), 0.0, part), "pulling back to the rows");
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
    Check(FillElements(stream(), 0.0, out), "pulling back to the rows");
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
  Check(FinishGradient(stream(), ElementsOf(ready), ready.own_scale, gradient),
        "pulling back to the rows");
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
  const std::vector<double> factors = {adam.beta1,
                                       adam.beta2,
                                       adam.epsilon,
                                       adam.step_size,
                                       adam.second_scale,
                                       ready.own_scale};
  static_assert(sizeof(StepFactors) == 6 * sizeof(double));
  constexpr ScalarType kDouble = ScalarType::kFloat64;
  const Matrix on_device = Persistent(
      Slot::kFactors, static_cast<int64_t>(factors.size()), 1, kDouble);
  Upload(factors, on_device);
  AdamMatrices state;
  state.factors = static_cast<const StepFactors*>(on_device.data());
  state.first = first;
  state.second = second;
  state.next = next;
  state.means = means;
  state.norms = Persistent(Slot::kNorms, own.cols(), 2, kDouble);
  const Matrix totals = Persistent(Slot::kTotals, 2, 1, kDouble);
  StepGraphs::Key key;
  Append(key, ready);
  for (const Matrix& matrix :
       {first, second, next, means, on_device, state.norms, totals}) {
    Append(key, matrix);
  }
  graphs_.Run(key, [&] {
    EnqueueProducts(ready, next);
    Check(FinishStep(stream(), ElementsOf(ready), state), "making a step");
    Check(SumColumns(stream(), state.norms, totals), "making a step");
  });
  const std::vector<double> norms = Fetch(totals);
  return {.gradient_squared = norms[0], .next_squared = norms[1]};
}

}  // namespace repscore::cuda
