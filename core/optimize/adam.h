// Adam's state for one set of rows, as an explicit value.
#ifndef REPSCORE_CORE_OPTIMIZE_ADAM_H_
#define REPSCORE_CORE_OPTIMIZE_ADAM_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "core/backend/backend.h"
#include "core/optimize/checkpoint.h"
#include "core/optimize/plan.h"

namespace repscore {

/// Rows that move. They are kept column-centred; `means` collects what
/// centring removed, so that rows + means are Adam's iterate.
struct AdamState {
  Matrix rows;    ///< [n x p], the iterate without its column means
  Matrix next;    ///< [n x p], where a step writes
  Matrix first;   ///< first moments [n x p]
  Matrix second;  ///< second moments [n x p]
  Matrix means;   ///< [p x 1] float64
  /// |rows|^2 and |next|^2 as steps of Adam told them; negative: unknown.
  double rows_squared = -1.0;
  double next_squared = -1.0;

  /// `next` becomes the iterate.
  void Advance() {
    std::swap(rows, next);
    rows_squared = std::exchange(next_squared, -1.0);
  }
};

/// Before the first step, from centred rows [n x p] float64 and the means that
/// were removed. Rows and moments are kept in `storage`; an optimiser that has
/// no use for the moments leaves them empty.
AdamState MakeAdamState(Backend& backend,
                        const Matrix& centred,
                        const Matrix& means,
                        ScalarType storage,
                        bool with_moments = true);

/// Coefficients of step t (from 1): the scheduled learning rate with bias
/// corrections as PyTorch applies them.
AdamCoefficients CoefficientsOf(const AdamOptions& options, int64_t t);

void WriteAdamState(Backend& backend,
                    CheckpointWriter& writer,
                    const AdamState& state);

/// Into matrices of the same shapes. DataLoss when they differ.
absl::Status ReadAdamState(Backend& backend,
                           CheckpointReader& reader,
                           AdamState& state);

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_ADAM_H_
