// What an optimisation is asked to do: plain values, no behaviour.
#ifndef REPSCORE_CORE_OPTIMIZE_PLAN_H_
#define REPSCORE_CORE_OPTIMIZE_PLAN_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "core/backend/matrix.h"
#include "core/data/dataset.h"
#include "core/measures/registry.h"

namespace repscore {

/// Adam (Kingma & Ba 2015) with PyTorch's epsilon: added after the square root
/// of the bias-corrected second moment.
struct AdamOptions {
  double learning_rate = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// Stops when the best objective has not risen by min_delta in patience steps.
struct PlateauRule {
  int64_t patience = 0;
  double min_delta = 0.0;
};

struct StoppingRule {
  /// Strictly better than this ends the run. Single maximise term only.
  std::optional<double> score;
  int64_t max_steps = 1000;
  double max_seconds = std::numeric_limits<double>::infinity();
  std::optional<PlateauRule> plateau;
  /// All goals within this end the run.
  std::optional<double> goal_tolerance;
};

enum class StopReason {
  kNone,
  kScoreReached,
  kMaxSteps,
  kMaxTime,
  kPlateau,
  kGoalsReached,
  kAtOptimum,
};

enum class TargetLoss { kAbsolute, kSquared };

struct Maximize {};
struct Target {
  double value = 0.0;
  TargetLoss loss = TargetLoss::kAbsolute;
};
struct Floor {
  double value = 0.0;
};
using Goal = std::variant<Maximize, Target, Floor>;

struct ObjectiveTerm {
  MeasureRequest measure;
  double weight = 1.0;
  Goal goal = Maximize{};
  /// How messages name this term; terms[i] when empty.
  std::string field = {};
};

/// Start from independent standard normals [n x features].
struct GaussianStart {
  uint64_t seed = 0;
  /// 0: as many as the reference has.
  int64_t features = 0;
};
using StartPoint = std::variant<GaussianStart, HostArray>;

enum class Moves { kCandidate, kBoth };

struct OptimizationPlan {
  /// One to sixteen.
  std::vector<ObjectiveTerm> terms;
  StartPoint start = GaussianStart{};
  Moves moves = Moves::kCandidate;
  AdamOptions adam;
  StoppingRule stopping;
  /// A trace point every this many steps.
  int64_t trace_every = 1;
  std::vector<MeasureRequest> tracked;
  int64_t principal_components = 0;
  /// kFloat32 stores and multiplies rows in float32 with float64 factors.
  ScalarType storage = ScalarType::kFloat32;
};

/// Checks every number of the plan (not its measures). InvalidArgument names
/// the field as the wire does: "adam.learning_rate", "stopping.max_steps".
absl::Status ValidatePlan(const OptimizationPlan& plan);

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_PLAN_H_
