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
#include "absl/status/statusor.h"
#include "core/analysis/decoding.h"
#include "core/backend/backend.h"
#include "core/backend/matrix.h"
#include "core/data/dataset.h"
#include "core/measures/registry.h"

namespace repscore {

struct ConstantDecay {};
/// Half a cosine from 1 to final_factor over `steps`, then constant.
struct CosineDecay {
  int64_t steps = 1;
  double final_factor = 0.0;
};
/// Times `factor` every `every` steps.
struct ExponentialDecay {
  double factor = 1.0;
  int64_t every = 1;
};

/// How the learning rate changes from step to step, as a factor of it: a linear
/// warm-up, then a decay that starts after it.
struct LearningRateSchedule {
  int64_t warmup_steps = 0;
  std::variant<ConstantDecay, CosineDecay, ExponentialDecay> decay = {};
};

/// Factor of the learning rate at step t (from 1). With a warm-up of w steps it
/// is t / w for t <= w; the decay counts the d = max(0, t - 1 - w) steps before
/// t: cosine f + (1 - f) (1 + cos(pi min(d / steps, 1))) / 2, exponential
/// factor^floor(d / every).
double ScheduleFactor(const LearningRateSchedule& schedule, int64_t t);

/// Adam (Kingma & Ba 2015) with PyTorch's epsilon: added after the square root
/// of the bias-corrected second moment.
struct AdamOptions {
  double learning_rate = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  LearningRateSchedule schedule = {};
};

/// Limited-memory BFGS with a backtracking line search (Nocedal & Wright 2006,
/// algorithms 7.5 and 3.1). A step of the trace is one of its iterations.
struct LbfgsOptions {
  /// Pairs of differences that are kept.
  int64_t memory = 10;
  /// First trial step of the first iteration over the gradient's norm.
  double initial_step = 1.0;
  /// Trials of one line search.
  int64_t max_trials = 20;
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
/// Start from the matched Gaussian of the reference [n x q], see surrogate.h.
struct SurrogateStart {
  uint64_t seed = 0;
};
using StartPoint = std::variant<GaussianStart, HostArray, SurrogateStart>;

enum class Moves { kCandidate, kBoth };

/// Labels to decode along the trace.
struct TraceDecoding {
  /// Empty: every label that can be decoded; Create fills nothing in here,
  /// Optimization::labels() names them.
  std::vector<std::string> labels = {};
  DecodingOptions options = {};
  /// At every this many trace points, and at the last.
  int64_t every = 1;
};

/// Equally spaced targets on every axis.
struct TargetGrid {
  int64_t points_per_side = 6;
  /// The boundary only, walking round the square; two axes.
  bool boundary = false;
  double lowest = 0.0;
  double highest = 1.0;
};

struct OptimizationPlan {
  /// One to sixteen.
  std::vector<ObjectiveTerm> terms;
  StartPoint start = GaussianStart{};
  Moves moves = Moves::kCandidate;
  AdamOptions adam;
  /// Instead of Adam.
  std::optional<LbfgsOptions> lbfgs = std::nullopt;
  StoppingRule stopping;
  /// A trace point every this many steps.
  int64_t trace_every = 1;
  std::vector<MeasureRequest> tracked;
  int64_t principal_components = 0;
  std::optional<TraceDecoding> decoding = std::nullopt;
  /// The candidate is kept as it first passes each of these scores.
  std::vector<double> snapshot_scores = {};
  /// Members that start from the seed of `start`, seed + 1, ...
  int64_t restarts = 1;
  /// One member each, from the same start: a value per term with a Target, in
  /// their order. Empty: the terms' own values.
  std::vector<std::vector<double>> targets = {};
  /// kFloat32 stores and multiplies rows in float32 with float64 factors.
  ScalarType storage = ScalarType::kFloat32;
  /// Of products of rows in float32, where the device has it.
  Rounding rounding = Rounding::kNone;
};

/// Targets of `grid` over `axes` terms. Two axes with `boundary`: 4 (N - 1)
/// points from (lowest, lowest) along the first axis and round. Else N^axes
/// points, the last axis fastest. InvalidArgument naming "grid.<field>".
absl::StatusOr<std::vector<std::vector<double>>> MakeTargets(
    const TargetGrid& grid, int64_t axes);

/// Checks every number of the plan (not its measures and labels).
/// InvalidArgument names the field as the wire does: "adam.learning_rate",
/// "stopping.max_steps", "targets.points[2].values".
absl::Status ValidatePlan(const OptimizationPlan& plan);

}  // namespace repscore

#endif  // REPSCORE_CORE_OPTIMIZE_PLAN_H_
