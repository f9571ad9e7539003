#include "client/cli/measure_flags.h"

#include "client/cli/arguments.h"

namespace repscore::cli {

std::vector<std::string> DefaultMeasures() {
  return {"cka",
          "cka.debiased",
          "nbs",
          "procrustes.angular_score",
          "linear_r2",
          "ridge_r2(lambda=100,folds=rows_contiguous(5))"};
}

CLI::Option* AddMeasureFlags(CLI::App& command, MeasureFlags& flags) {
  command.add_option("--folds",
                     flags.folds_file,
                     "Folds for measures with folds=explicit: FILE.json (a "
                     "list of row numbers, or {\"validation\": [...], "
                     "\"training\": [...]}, per fold) or FILE.npy (the fold "
                     "of every row)");
  CLI::Option* measures =
      command
          .add_option("-m,--measure",
                      flags.ids,
                      "A measure, as often as wanted; 'repscore measures' "
                      "lists them")
          ->allow_extra_args(false);
  if (!flags.ids.empty()) {
    measures->capture_default_str();
  }
  return measures;
}

absl::StatusOr<std::vector<v1::MeasureSpec>> MakeMeasures(
    const MeasureFlags& flags) {
  return MeasureSpecs(flags.ids, flags.folds_file);
}

}  // namespace repscore::cli
