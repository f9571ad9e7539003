// Limited-memory BFGS over rows that stay on a backend, as an explicit value:
// pairs of differences, the last gradient, the last step.
#ifndef REPSCORE_CORE_OPTIMIZE_LBFGS_H_
#define REPSCORE_CORE_OPTIMIZE_LBFGS_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/backend/backend.h"
#include "core/optimize/checkpoint.h"
#include "core/optimize/plan.h"

namespace repscore {

/// One matrix per side that moves.
using Variables = std::vector<Matrix>;

/// Upwards, as Adam. Not thread-safe.
class Lbfgs {
 public:
  Lbfgs(const LbfgsOptions& options, absl::Span<const Matrix> like);

  /// The direction to search at a point with this gradient (taken over), and
  /// what a unit step along it gains to first order. Learns from the step that
  /// led here.
  struct Direction {
    Variables rows;
    double slope = 0.0;
    /// The last step told how long the next should be. Without, as from the
    /// start or where the objective curves upwards, a unit step is a guess.
    bool is_scaled = false;
  };
  Direction Aim(Backend& backend, Variables gradient);

  /// The step that was taken from the point of the last Aim.
  void Took(Backend& backend, const Direction& direction, double length);

  /// Forgets all pairs: the next direction is the gradient.
  void Forget();
  bool remembers() const { return !pairs_.empty(); }

  /// Of the matrices that Write writes.
  int64_t bytes() const;
  void Write(Backend& backend, CheckpointWriter& writer) const;
  absl::Status Read(Backend& backend, CheckpointReader& reader);

 private:
  struct Pair {
    Variables step;
    Variables change;
    double curvature = 0.0;
  };

  Variables New(Backend& backend) const;
  absl::Status ReadRows(Backend& backend,
                        CheckpointReader& reader,
                        Variables& variables) const;

  LbfgsOptions options_;
  /// Shapes and types.
  std::vector<Matrix> like_;
  std::deque<Pair> pairs_;
  Variables last_gradient_;
  Variables last_step_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_LBFGS_H_
