// Flags that optimize and joint-optimize share.
#ifndef REPSCORE_CLIENT_CLI_RUN_FLAGS_H_
#define REPSCORE_CLIENT_CLI_RUN_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/decoding_flags.h"
#include "client/cli/optimizer_flags.h"
#include "client/cli/run_report.h"
#include "core/base/status_macros.h"
#include "repscore/v1/scoring.pb.h"

namespace repscore::cli {

/// What is not given is left to the server's defaults.
struct RunFlags {
  std::string dataset;
  std::string start;
  std::optional<uint64_t> seed;
  std::optional<int64_t> features;
  OptimizerFlags optimizer;
  std::optional<int64_t> max_steps;
  std::optional<double> max_seconds;
  std::optional<int64_t> plateau_patience;
  double plateau_delta = 0.0;
  std::optional<int64_t> every;
  std::vector<std::string> tracked;
  int32_t components = 0;
  DecodingFlags decoding;
  bool decode_all = false;
  std::optional<int32_t> decode_every;
  std::string precision;
  std::string device;
  std::string folds_file;
  bool detach = false;
  ReportFlags report;
};

void AddRunFlags(CLI::App& command, RunFlags& flags);

/// "gaussian" (also when nothing is given), "surrogate", a registered dataset
/// for datasets/..., else an array file. A usage error for flags of another
/// start.
absl::StatusOr<v1::StartPoint> MakeStart(const RunFlags& flags);
v1::StoppingOptions MakeStopping(const RunFlags& flags);

/// A usage error for flags that need others.
absl::StatusOr<v1::TraceOptions> MakeTrace(
    const RunFlags& flags, const std::vector<v1::MeasureSpec>& tracked);

/// Fills all fields of an optimisation request but its goals.
template <typename Request>
absl::Status FillRequest(const RunFlags& flags,
                         const std::vector<v1::MeasureSpec>& tracked,
                         Request& request) {
  request.set_dataset(DatasetName(flags.dataset));
  REPSCORE_ASSIGN_OR_RETURN(*request.mutable_start(), MakeStart(flags));
  REPSCORE_RETURN_IF_ERROR(FillOptimizer(flags.optimizer, request));
  *request.mutable_stopping() = MakeStopping(flags);
  REPSCORE_ASSIGN_OR_RETURN(*request.mutable_trace(),
                            MakeTrace(flags, tracked));
  if (!flags.precision.empty()) {
    v1::Precision precision = v1::PRECISION_UNSPECIFIED;
    v1::Precision_Parse(
        absl::StrCat("PRECISION_", absl::AsciiStrToUpper(flags.precision)),
        &precision);
    request.set_precision(precision);
  }
  request.set_device(flags.device);
  request.set_detach(flags.detach);
  request.set_return_candidate(!flags.report.output_file.empty());
  return absl::OkStatus();
}

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_RUN_FLAGS_H_
