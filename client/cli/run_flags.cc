#include "client/cli/run_flags.h"

#include <cmath>

#include "absl/strings/match.h"
#include "client/cli/device_flag.h"
#include "client/cli/failure.h"
#include "client/cpp/array.h"

namespace repscore::cli {
namespace {

constexpr char kGaussian[] = "gaussian";
constexpr char kSurrogate[] = "surrogate";

void AddStartFlags(CLI::App& command, RunFlags& flags) {
  command.add_option(
      "--start",
      flags.start,
      "Start from standard normals (gaussian, the default), noise with the "
      "dataset's principal-component variances (surrogate), an array "
      "(FILE.npy or FILE.npz[:key]) or a registered dataset (datasets/NAME)");
  command.add_option("--seed", flags.seed, "Seed of a random start [0]")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--features",
                     flags.features,
                     "Features of a gaussian start [as many as the dataset "
                     "has]");
}

void AddStoppingFlags(CLI::App& command, RunFlags& flags) {
  command.add_option(
      "--max-steps", flags.max_steps, "Stop after this many steps [1000]");
  command.add_option("--max-time",
                     flags.max_seconds,
                     "Stop after this many seconds of computation");
  auto* patience =
      command.add_option("--plateau-patience",
                         flags.plateau_patience,
                         "Stop when the best objective has not risen in this "
                         "many steps");
  command
      .add_option("--plateau-delta",
                  flags.plateau_delta,
                  "Smallest rise that counts for --plateau-patience [0]")
      ->needs(patience);
}

void AddTraceFlags(CLI::App& command, RunFlags& flags) {
  command.add_option(
      "--every", flags.every, "A trace point every this many steps [1]");
  command
      .add_option("--track",
                  flags.tracked,
                  "A measure to evaluate at every trace point, as often as "
                  "wanted")
      ->allow_extra_args(false);
  command.add_option("--components",
                     flags.components,
                     "Trace the R2 of this many leading principal components "
                     "of the dataset");
  AddDecodingFlags(command, "--decode", "decode-", flags.decoding);
  command
      .add_flag("--decode-all",
                flags.decode_all,
                "Decode every label of the dataset that can be")
      ->excludes(command.get_option("--decode"));
  command.add_option("--decode-every",
                     flags.decode_every,
                     "Decode at every this many trace points, and at the "
                     "last [1]");
}

}  // namespace

void AddRunFlags(CLI::App& command, RunFlags& flags) {
  command.add_option("DATASET", flags.dataset, "NAME or NAME/versions/N")
      ->required();
  AddStartFlags(command, flags);
  AddOptimizerFlags(command, flags.optimizer);
  AddStoppingFlags(command, flags);
  AddTraceFlags(command, flags);
  command
      .add_option("--precision",
                  flags.precision,
                  "mixed [default], float64, or mixed_tf32 and mixed_bfloat16: "
                  "NVIDIA GPUs may round the factors of products")
      ->check(
          CLI::IsMember({"mixed", "float64", "mixed_tf32", "mixed_bfloat16"}));
  AddDeviceFlag(command, flags.device);
  command.add_option("--folds",
                     flags.folds_file,
                     "Folds for measures with folds=explicit: FILE.json (a "
                     "list of row numbers per fold) or FILE.npy (the fold of "
                     "every row)");
  auto* detach = command.add_flag(
      "--detach",
      flags.detach,
      "Print the run's name once it has started and leave it to the server");
  for (CLI::Option* option : AddReportFlags(command, flags.report)) {
    option->excludes(detach);
  }
}

absl::StatusOr<v1::StartPoint> MakeStart(const RunFlags& flags) {
  const bool is_gaussian = flags.start.empty() || flags.start == kGaussian;
  const bool is_surrogate = flags.start == kSurrogate;
  if (flags.features.has_value() && !is_gaussian) {
    return UsageError("--features is for --start gaussian");
  }
  if (flags.seed.has_value() && !is_gaussian && !is_surrogate) {
    return UsageError("--seed is for --start gaussian and --start surrogate");
  }
  v1::StartPoint start;
  if (is_gaussian) {
    start.mutable_gaussian()->set_seed(flags.seed.value_or(0));
    if (flags.features.has_value()) {
      start.mutable_gaussian()->set_features(*flags.features);
    }
  } else if (is_surrogate) {
    start.mutable_surrogate()->set_seed(flags.seed.value_or(0));
  } else if (absl::StartsWith(flags.start, "datasets/")) {
    start.set_dataset(flags.start);
  } else {
    REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(flags.start));
    *start.mutable_candidate() = client::ToTensor(client::ViewOf(array));
  }
  return start;
}

absl::StatusOr<v1::TraceOptions> MakeTrace(
    const RunFlags& flags, const std::vector<v1::MeasureSpec>& tracked) {
  v1::TraceOptions trace;
  if (flags.every.has_value()) {
    trace.set_every(*flags.every);
  }
  trace.mutable_tracked()->Assign(tracked.begin(), tracked.end());
  trace.set_principal_components(flags.components);
  const bool decodes = flags.decode_all || !flags.decoding.labels.empty();
  if (decodes) {
    *trace.mutable_decoding() = MakeDecoding(flags.decoding);
  } else if (IsGiven(flags.decoding) || flags.decode_every.has_value()) {
    return UsageError("flags of decoding need --decode or --decode-all");
  }
  if (flags.decode_every.has_value()) {
    trace.set_decode_every(*flags.decode_every);
  }
  if (flags.report.thresholds && !decodes && flags.components == 0) {
    return UsageError("--thresholds needs --components or --decode");
  }
  return trace;
}

v1::StoppingOptions MakeStopping(const RunFlags& flags) {
  v1::StoppingOptions stopping;
  if (flags.max_steps.has_value()) {
    stopping.set_max_steps(*flags.max_steps);
  }
  if (flags.max_seconds.has_value()) {
    constexpr double kNanosPerSecond = 1e9;
    double seconds = 0.0;
    const double rest = std::modf(*flags.max_seconds, &seconds);
    stopping.mutable_max_time()->set_seconds(std::llround(seconds));
    stopping.mutable_max_time()->set_nanos(
        static_cast<int32_t>(rest * kNanosPerSecond));
  }
  if (flags.plateau_patience.has_value()) {
    stopping.mutable_plateau()->set_patience(*flags.plateau_patience);
    stopping.mutable_plateau()->set_min_delta(flags.plateau_delta);
  }
  return stopping;
}

}  // namespace repscore::cli
