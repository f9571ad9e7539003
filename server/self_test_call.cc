#include "server/self_test_call.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/self_test/self_test.h"
#include "server/calls.h"
#include "server/error.h"
#include "server/lane_errors.h"
#include "spdlog/spdlog.h"

namespace repscore::server {
namespace {

/// Values that a slice checks.
constexpr size_t kChecksPerSlice = 32;
/// The golden pair, its statistics and the state of five steps.
constexpr int64_t kWorkBytes = int64_t{1} << 20;

/// What one device came to: a report, or why there is none.
using Verdict = absl::StatusOr<SelfTestReport>;

void Write(const std::string& device,
           const Verdict& verdict,
           v1::DeviceSelfTest* out) {
  out->set_device(device);
  if (!verdict.ok()) {
    out->set_error(absl::StrCat(verdict.status().message()));
    return;
  }
  out->set_passed(verdict->passed());
  for (const SelfTestCheck& check : verdict->checks) {
    v1::SelfTestCheck* const item = out->add_checks();
    item->set_measure(check.measure);
    item->set_step(check.step);
    item->set_passed(check.passed());
    item->set_expected(check.expected);
    if (check.actual.has_value()) {
      item->set_actual(*check.actual);
    }
    item->set_tolerance(check.tolerance);
    item->set_error(check.error);
  }
}

/// Devices of the lanes, each once, or those of them that were asked for.
absl::StatusOr<std::vector<std::string>> DevicesOf(
    const v1::RunSelfTestRequest& request,
    const std::vector<std::string>& lanes) {
  for (int i = 0; i < request.devices_size(); ++i) {
    if (std::find(lanes.begin(), lanes.end(), request.devices(i)) ==
        lanes.end()) {
      return FieldError(absl::StrCat("devices[", i, "]"),
                        absl::StrCat(Quoted(request.devices(i)),
                                     " is not there, there are ",
                                     absl::StrJoin(lanes, ", ")));
    }
  }
  std::vector<std::string> devices;
  for (const std::string& lane : lanes) {
    const bool is_wanted =
        request.devices().empty() ||
        std::find(request.devices().begin(), request.devices().end(), lane) !=
            request.devices().end();
    if (is_wanted &&
        std::find(devices.begin(), devices.end(), lane) == devices.end()) {
      devices.push_back(lane);
    }
  }
  return devices;
}

/// Lives until every job has given its verdict; the last one finishes it.
class SelfTestCall final : public grpc::ServerUnaryReactor, public Call {
 public:
  SelfTestCall(Parts& parts,
               const grpc::CallbackServerContext& context,
               v1::RunSelfTestResponse* response)
      : Call(parts.calls, context, "RunSelfTest"),
        parts_(parts),
        response_(response) {}

  void Start(const v1::RunSelfTestRequest& request) {
    cancel_.SetDeadline(Deadline());
    absl::Status status = Enter();
    if (status.ok()) {
      auto devices = DevicesOf(request, parts_.scheduler.devices());
      status = devices.status();
      if (status.ok()) {
        devices_ = *std::move(devices);
      }
    }
    if (!status.ok()) {
      Finish(Outcome(status));
      return;
    }
    // One more, so that no job ends the call while others are submitted.
    pending_ = devices_.size() + 1;
    verdicts_.assign(devices_.size(),
                     Verdict(absl::InternalError("was not tested")));
    for (size_t i = 0; i < devices_.size(); ++i) {
      const absl::Status refused = parts_.scheduler.Submit(
          JobClass::kInteractive, std::make_shared<DeviceJob>(this, i));
      if (!refused.ok()) {
        Record(i, refused, !IsDeviceRefused(refused));
      }
    }
    Release();
  }

  void OnCancel() override { cancel_.Cancel(); }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  class DeviceJob final : public Job {
   public:
    DeviceJob(SelfTestCall* call, size_t index) : call_(call), index_(index) {}

    Next RunSlice(LaneContext& lane) override {
      const absl::Status status = RunOnLane(
          lane, [&]() -> absl::Status { return CheckSome(lane.backend); });
      if (status.ok() && report_.checks.size() < GoldenValues().size()) {
        return Next::kAgain;
      }
      const bool ended = !call_->cancel_.Check().ok();
      call_->Record(index_,
                    status.ok() ? Verdict(std::move(report_)) : status,
                    !status.ok() && ended);
      return Next::kDone;
    }
    JobNeeds needs() const override {
      return {.device = call_->devices_[index_],
              .memory = {.work_bytes = kWorkBytes},
              .what = "the self-test"};
    }
    bool IsCancelled() const override { return !call_->cancel_.Check().ok(); }
    void Abandon(const absl::Status& reason) override {
      call_->Record(index_, reason, /*ends_call=*/true);
    }
    void LoseLane(const absl::Status& reason) override {
      call_->Record(index_, reason, /*ends_call=*/false);
    }

   private:
    absl::Status CheckSome(Backend& backend) {
      REPSCORE_RETURN_IF_ERROR(call_->cancel_.Check());
      REPSCORE_ASSIGN_OR_RETURN(
          SelfTestReport some,
          RunSelfTest(
              backend,
              [this] { return call_->cancel_.Check(); },
              GoldenValues().subspan(report_.checks.size(), kChecksPerSlice)));
      report_.device = std::move(some.device);
      std::move(some.checks.begin(),
                some.checks.end(),
                std::back_inserter(report_.checks));
      return absl::OkStatus();
    }

    SelfTestCall* const call_;
    const size_t index_;
    SelfTestReport report_;
  };

  /// The last word of a device; `ends_call`: the error is not the device's.
  void Record(size_t index, Verdict verdict, bool ends_call) {
    {
      const std::lock_guard lock(mutex_);
      if (ends_call) {
        error_.Update(verdict.status());
      }
      verdicts_[index] = std::move(verdict);
    }
    if (ends_call) {
      cancel_.Cancel();
    }
    Release();
  }

  /// The call may be gone after this.
  void Release() {
    {
      const std::lock_guard lock(mutex_);
      if (--pending_ > 0) {
        return;
      }
    }
    if (error_.ok()) {
      Respond();
    }
    Finish(Outcome(error_));
  }

  void Respond() {
    response_->set_passed(true);
    for (size_t i = 0; i < devices_.size(); ++i) {
      const Verdict& verdict = verdicts_[i];
      Write(devices_[i], verdict, response_->add_devices());
      const absl::Status status =
          verdict.ok() ? verdict->status() : verdict.status();
      if (!status.ok()) {
        response_->set_passed(false);
        spdlog::error("self-test: {}", absl::StrCat(status.message()));
      }
    }
  }

  Parts& parts_;
  v1::RunSelfTestResponse* const response_;
  CancelToken cancel_;
  std::vector<std::string> devices_;

  std::mutex mutex_;
  size_t pending_ = 0;
  std::vector<Verdict> verdicts_;
  absl::Status error_;
};

}  // namespace

grpc::ServerUnaryReactor* AnswerSelfTest(Parts& parts,
                                         grpc::CallbackServerContext* context,
                                         const v1::RunSelfTestRequest* request,
                                         v1::RunSelfTestResponse* response) {
  auto* call = new SelfTestCall(parts, *context, response);
  call->Start(*request);
  return call;
}

absl::Status ProveSound(Backend& backend) {
  const auto start = std::chrono::steady_clock::now();
  REPSCORE_ASSIGN_OR_RETURN(const SelfTestReport report, RunSelfTest(backend));
  REPSCORE_RETURN_IF_ERROR(report.status());
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  spdlog::info("self-test on {} passed: {} checks in {:.3f} s",
               report.device,
               report.checks.size(),
               taken.count());
  return absl::OkStatus();
}

}  // namespace repscore::server
