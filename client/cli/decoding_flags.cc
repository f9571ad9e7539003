#include "client/cli/decoding_flags.h"

#include "absl/strings/str_cat.h"

namespace repscore::cli {

void AddDecodingFlags(CLI::App& command,
                      const std::string& labels_flag,
                      const std::string& prefix,
                      DecodingFlags& flags) {
  const auto name = [&](const std::string& word) {
    return absl::StrCat("--", prefix, word);
  };
  command.add_option(labels_flag,
                     flags.labels,
                     "LABELs of the dataset to decode, by L2 logistic "
                     "regression");
  command.add_option(name("folds"),
                     flags.folds,
                     "Stratified folds of conditions for decoding [5]");
  command
      .add_option(name("seed"),
                  flags.seed,
                  "Seed of the shuffle of conditions into folds [0]")
      ->check(CLI::NonNegativeNumber);
  command.add_option(name("c"),
                     flags.c,
                     "Weight of the data against the penalty, as "
                     "scikit-learn's C [1]");
  command.add_flag(name("pool-time-bins"),
                   flags.pool_time_bins,
                   "One decoder over all time bins instead of one per bin");
  command.add_option(name("folds-of"),
                     flags.folds_of,
                     "LABEL whose classes are the folds: train on all but "
                     "one, test on that one");
}

bool IsGiven(const DecodingFlags& flags) {
  return !flags.labels.empty() || flags.folds.has_value() ||
         flags.seed.has_value() || flags.c.has_value() ||
         flags.pool_time_bins || !flags.folds_of.empty();
}

v1::DecodingOptions MakeDecoding(const DecodingFlags& flags) {
  v1::DecodingOptions decoding;
  decoding.mutable_labels()->Assign(flags.labels.begin(), flags.labels.end());
  if (flags.folds.has_value()) {
    decoding.set_folds(*flags.folds);
  }
  decoding.set_seed(flags.seed.value_or(0));
  if (flags.c.has_value()) {
    decoding.set_c(*flags.c);
  }
  decoding.set_pool_time_bins(flags.pool_time_bins);
  decoding.set_folds_of(flags.folds_of);
  return decoding;
}

}  // namespace repscore::cli
