// Starts the runs that a calibration of a dataset needs, now or as soon as
// there is room for them.
//
// Thread-safe. What is marked so touches the disk and belongs on the disk
// executor.
#ifndef REPSCORE_SERVER_EXPERIMENTS_CALIBRATOR_H_
#define REPSCORE_SERVER_EXPERIMENTS_CALIBRATOR_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "repscore/v1/catalog.pb.h"
#include "repscore/v1/runs.pb.h"
#include "server/parts.h"
#include "server/runs/run_manager.h"

namespace repscore::server {

/// Checks a plan for a dataset of this (normalised) description, before its
/// elements are there. InvalidArgument names the field below `field`.
absl::Status CheckCalibrationPlan(const v1::CalibrationPlan& plan,
                                  const DatasetDescription& description,
                                  const std::string& field);

class Calibrator {
 public:
  /// `parts` and `runs` must outlive it.
  Calibrator(Parts& parts, RunManager& runs);

  /// One run per measure, in the plan's order: those that are there, and new
  /// ones for the rest. InvalidArgument and NotFound name the field;
  /// ResourceExhausted QUEUE_FULL when not all could be started: the call may
  /// be repeated. Disk.
  absl::StatusOr<std::vector<v1::Run>> Calibrate(
      const std::string& dataset, const v1::CalibrationPlan& plan);

  /// The catalog keeps a new plan: its runs are started soon.
  void PlanKept();

  /// Starts the runs of the plans that the catalog keeps. A plan that finds no
  /// room waits until a run has left, or for the next start of the server.
  /// Disk.
  void StartPending();

 private:
  void RunHasLeft();
  /// False when there was no room for all.
  bool StartAll();
  /// Not ok when the plan has to wait.
  absl::Status Start(const PendingCalibration& pending);

  Parts& parts_;
  RunManager& runs_;
  std::atomic<bool> has_pending_ = true;
  /// Calls of StartPending that one of them still has to take into account.
  std::atomic<int64_t> requests_ = 0;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_CALIBRATOR_H_
