// Where a candidate starts.
#ifndef REPSCORE_CORE_OPTIMIZE_START_H_
#define REPSCORE_CORE_OPTIMIZE_START_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/measures/reference.h"
#include "core/optimize/plan.h"

namespace repscore {

struct StartRows {
  int64_t features = 0;
  /// Row-major [n x features].
  std::vector<double> elements;
};

/// Seeded normals, a matched Gaussian or the given rows. InvalidArgument names
/// "start.candidate" when rows are missing, do not match the reference or are
/// not finite.
absl::StatusOr<StartRows> MakeStart(const StartPoint& start,
                                    const Reference& reference);

/// [n x features] float64.
Matrix UploadRows(Backend& backend, const StartRows& rows, int64_t n);

/// The way back: centred rows [n x p] of any scalar type plus their means
/// [p x 1] as a float64 array.
HostArray ToHostArray(Backend& backend,
                      const Matrix& rows,
                      const Matrix& means);

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_START_H_
