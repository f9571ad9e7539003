#include "client/cli/context_flags.h"

#include <map>
#include <string_view>

#include "client/cli/failure.h"

namespace repscore::cli {
namespace {

constexpr std::string_view kBootstrap = "--bootstrap";

const std::map<std::string, v1::Normalization>& Normalizations() {
  static const auto* const names = new std::map<std::string, v1::Normalization>{
      {"none", v1::NORMALIZATION_NONE},
      {"r/c", v1::NORMALIZATION_R_OVER_C},
      {"r2/c", v1::NORMALIZATION_R_SQUARED_OVER_C},
      {"r2/c2", v1::NORMALIZATION_R_SQUARED_OVER_C_SQUARED},
      {"per_unit_r2/c", v1::NORMALIZATION_PER_UNIT_R_SQUARED_OVER_C},
  };
  return *names;
}

void AddCeilingFlags(CLI::App& command, ContextFlags& flags) {
  command.add_option("--ceiling", flags.ceiling, "A ceiling that is known");
  command
      .add_option("--normalization",
                  flags.normalization,
                  "How score and ceiling make a ceiled score: none [default], "
                  "r/c, r2/c, r2/c2 or per_unit_r2/c")
      ->check(CLI::IsMember({"none", "r/c", "r2/c", "r2/c2", "per_unit_r2/c"}));
  command.add_flag("--clip", flags.clip, "Cut ceiled scores to [0, 1]");
}

void AddDrawFlags(CLI::App& command, ContextFlags& flags) {
  auto* bootstrap =
      command.add_option(std::string(kBootstrap),
                         flags.bootstrap_draws,
                         "Confidence interval from this many draws of "
                         "conditions");
  command
      .add_option("--confidence",
                  flags.confidence,
                  "Confidence of the interval, in (0, 1) [0.95]")
      ->needs(bootstrap);
  command.add_option("--permutations",
                     flags.permutations,
                     "Null distribution and p value from this many "
                     "permutations of conditions");
  command
      .add_option(
          "--seed", flags.seed, "Seed of splits, draws and permutations [0]")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace

void AddContextFlags(CLI::App& command, ContextFlags& flags) {
  AddCeilingFlags(command, flags);
  AddDrawFlags(command, flags);
  command.add_flag("--baseline",
                   flags.baseline,
                   "Also score the reference's own average over conditions");
  command.add_flag("--companion",
                   flags.companion,
                   "Also score the debiased companion of biased measures");
}

void AddDatasetContextFlags(CLI::App& command, ContextFlags& flags) {
  AddContextFlags(command, flags);
  command.add_option("--ceiling-splits",
                     flags.ceiling_splits,
                     "Ceiling from this many random halves of the dataset's "
                     "repetitions; --ceiling wins");
  command
      .add_option("--bootstrap-group",
                  flags.bootstrap_group,
                  "Group of the dataset whose members are drawn together "
                  "[single conditions]")
      ->needs(command.get_option(std::string(kBootstrap)));
  command.add_flag("--calibration",
                   flags.calibration,
                   "Say what optimised noise of the same score captures "
                   "('repscore calibrate' prepares it)");
}

absl::StatusOr<v1::ContextOptions> MakeContext(const ContextFlags& flags) {
  const bool has_ceiling =
      flags.ceiling_splits != 0 || flags.ceiling.has_value();
  if (!has_ceiling && (flags.clip || !flags.normalization.empty())) {
    return UsageError(
        "--normalization and --clip need --ceiling or --ceiling-splits");
  }
  v1::ContextOptions context;
  context.set_ceiling_splits(flags.ceiling_splits);
  if (flags.ceiling.has_value()) {
    context.set_supplied_ceiling(*flags.ceiling);
  }
  if (!flags.normalization.empty()) {
    context.set_normalization(Normalizations().at(flags.normalization));
  }
  context.set_clip(flags.clip);
  context.set_bootstrap_draws(flags.bootstrap_draws);
  if (flags.confidence.has_value()) {
    context.set_confidence(*flags.confidence);
  }
  context.set_bootstrap_group(flags.bootstrap_group);
  context.set_permutations(flags.permutations);
  context.set_baseline(flags.baseline);
  context.set_companion(flags.companion);
  context.set_calibration(flags.calibration);
  context.set_seed(flags.seed);
  return context;
}

}  // namespace repscore::cli
