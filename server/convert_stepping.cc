#include "server/convert_stepping.h"

#include <cstdint>
#include <string>

#include "core/base/status_macros.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr double kNanosPerSecond = 1e9;
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr int32_t kMaxDurationNanos = 999'999'999;

LearningRateSchedule ToSchedule(const v1::LearningRateSchedule& wire) {
  LearningRateSchedule schedule;
  schedule.warmup_steps = wire.warmup_steps();
  switch (wire.decay_case()) {
    case v1::LearningRateSchedule::kCosine:
      schedule.decay =
          CosineDecay{.steps = wire.cosine().steps(),
                      .final_factor = wire.cosine().final_factor()};
      break;
    case v1::LearningRateSchedule::kExponential:
      schedule.decay = ExponentialDecay{.factor = wire.exponential().factor(),
                                        .every = wire.exponential().every()};
      break;
    case v1::LearningRateSchedule::kConstant:
    case v1::LearningRateSchedule::DECAY_NOT_SET:
      break;
  }
  return schedule;
}

absl::StatusOr<double> ToSeconds(const google::protobuf::Duration& duration,
                                 const std::string& field) {
  if (duration.seconds() < 0 || duration.seconds() > kMaxDurationSeconds ||
      duration.nanos() < 0 || duration.nanos() > kMaxDurationNanos) {
    return FieldError(field, "is not a duration of zero or more");
  }
  return static_cast<double>(duration.seconds()) +
         duration.nanos() / kNanosPerSecond;
}

}  // namespace

LbfgsOptions ToLbfgs(const v1::LbfgsOptions& wire) {
  LbfgsOptions lbfgs;
  if (wire.has_memory()) {
    lbfgs.memory = wire.memory();
  }
  if (wire.has_initial_step()) {
    lbfgs.initial_step = wire.initial_step();
  }
  if (wire.has_max_trials()) {
    lbfgs.max_trials = wire.max_trials();
  }
  return lbfgs;
}

AdamOptions ToAdam(const v1::AdamOptions& wire) {
  AdamOptions adam;
  if (wire.has_learning_rate()) {
    adam.learning_rate = wire.learning_rate();
  }
  if (wire.has_beta1()) {
    adam.beta1 = wire.beta1();
  }
  if (wire.has_beta2()) {
    adam.beta2 = wire.beta2();
  }
  if (wire.has_epsilon()) {
    adam.epsilon = wire.epsilon();
  }
  adam.schedule = ToSchedule(wire.schedule());
  return adam;
}

absl::StatusOr<StoppingRule> ToStopping(const v1::StoppingOptions& wire) {
  StoppingRule stopping;
  if (wire.has_score()) {
    stopping.score = wire.score();
  }
  if (wire.has_max_steps()) {
    stopping.max_steps = wire.max_steps();
  }
  if (wire.has_max_time()) {
    REPSCORE_ASSIGN_OR_RETURN(stopping.max_seconds,
                              ToSeconds(wire.max_time(), "stopping.max_time"));
  }
  if (wire.has_plateau()) {
    stopping.plateau = PlateauRule{.patience = wire.plateau().patience(),
                                   .min_delta = wire.plateau().min_delta()};
  }
  if (wire.has_goal_tolerance()) {
    stopping.goal_tolerance = wire.goal_tolerance();
  }
  return stopping;
}

}  // namespace repscore::server
