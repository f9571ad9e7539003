#include "client/cli/run_flags.h"

#include <cmath>

#include "absl/strings/match.h"
#include "client/cpp/array.h"

namespace repscore::cli {
namespace {

void AddStartFlags(CLI::App& command, RunFlags& flags) {
  auto* start = command.add_option(
      "--start",
      flags.start,
      "Start from an array (FILE.npy or FILE.npz[:key]) or a registered "
      "dataset (datasets/NAME) instead of standard normals");
  command.add_option("--seed", flags.seed, "Seed of the start [0]")
      ->check(CLI::NonNegativeNumber)
      ->excludes(start);
  command
      .add_option("--features",
                  flags.features,
                  "Features of the start [as many as the dataset has]")
      ->excludes(start);
}

void AddAdamFlags(CLI::App& command, RunFlags& flags) {
  command.add_option("--lr", flags.learning_rate, "Adam learning rate [0.1]");
  command.add_option("--beta1", flags.beta1, "Adam beta1 [0.9]");
  command.add_option("--beta2", flags.beta2, "Adam beta2 [0.999]");
  command.add_option("--epsilon", flags.epsilon, "Adam epsilon [1e-8]");
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
}

}  // namespace

void AddRunFlags(CLI::App& command, RunFlags& flags) {
  command.add_option("DATASET", flags.dataset, "NAME or NAME/versions/N")
      ->required();
  AddStartFlags(command, flags);
  AddAdamFlags(command, flags);
  AddStoppingFlags(command, flags);
  AddTraceFlags(command, flags);
  command
      .add_option("--precision", flags.precision, "mixed [default] or float64")
      ->check(CLI::IsMember({"mixed", "float64"}));
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
  v1::StartPoint start;
  if (absl::StartsWith(flags.start, "datasets/")) {
    start.set_dataset(flags.start);
  } else if (!flags.start.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(flags.start));
    *start.mutable_candidate() = client::ToTensor(client::ViewOf(array));
  } else {
    start.mutable_gaussian()->set_seed(flags.seed.value_or(0));
    if (flags.features.has_value()) {
      start.mutable_gaussian()->set_features(*flags.features);
    }
  }
  return start;
}

v1::AdamOptions MakeAdam(const RunFlags& flags) {
  v1::AdamOptions adam;
  if (flags.learning_rate.has_value()) {
    adam.set_learning_rate(*flags.learning_rate);
  }
  if (flags.beta1.has_value()) {
    adam.set_beta1(*flags.beta1);
  }
  if (flags.beta2.has_value()) {
    adam.set_beta2(*flags.beta2);
  }
  if (flags.epsilon.has_value()) {
    adam.set_epsilon(*flags.epsilon);
  }
  return adam;
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
