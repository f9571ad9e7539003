#include "server/experiments/baseline_job.h"

#include <memory>
#include <utility>

#include "server/error.h"
#include "server/scoring.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

class BaselineJob final : public Job {
 public:
  BaselineJob(Parts& parts, BaselineTask task)
      : parts_(parts), task_(std::move(task)) {}

  Next RunSlice(LaneContext& lane) override {
    const auto is_done =
        NoThrow([&] { return task_.ComputePart(parts_, lane, cancel_); });
    if (!is_done.ok()) {
      spdlog::warn("baselines of a calibration: {}",
                   is_done.status().ToString());
      return Next::kDone;
    }
    return *is_done ? Next::kDone : Next::kAgain;
  }

  JobNeeds needs() const override { return {.is_long = true}; }

  void Abandon(const absl::Status& /*reason*/) override {}

 private:
  Parts& parts_;
  BaselineTask task_;
  const CancelToken cancel_;
};

}  // namespace

void StartBaselines(Parts& parts, BaselineTask task) {
  if (task.done()) {
    return;
  }
  const absl::Status status = parts.scheduler.Submit(
      JobClass::kInteractive,
      std::make_shared<BaselineJob>(parts, std::move(task)));
  if (!status.ok()) {
    spdlog::warn("baselines of a calibration: {}", status.ToString());
  }
}

}  // namespace repscore::server
