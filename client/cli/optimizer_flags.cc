#include "client/cli/optimizer_flags.h"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"

namespace repscore::cli {
namespace {

constexpr char kScheduleHelp[] =
    "Learning rate over the steps: constant [default], "
    "cosine(steps=N,final=FACTOR) or exponential(factor=FACTOR,every=N)";

absl::Status BadSchedule(const std::string& word, const std::string& problem) {
  return UsageError(absl::StrCat("--schedule ", word, ": ", problem));
}

// A word "name(key=value,...)" taken apart.
class ScheduleWord {
 public:
  static absl::StatusOr<ScheduleWord> Parse(const std::string& word) {
    ScheduleWord result;
    result.word_ = word;
    const size_t open = word.find('(');
    result.name_ = word.substr(0, open);
    if (open == std::string::npos) {
      return result;
    }
    if (!absl::EndsWith(word, ")")) {
      return BadSchedule(word, "expected a ')' at the end");
    }
    const std::string inside = word.substr(open + 1, word.size() - open - 2);
    const std::vector<std::string> pairs =
        absl::StrSplit(inside, ',', absl::SkipWhitespace());
    for (const std::string& pair : pairs) {
      const auto parts =
          SplitAtFirstEquals(std::string(absl::StripAsciiWhitespace(pair)));
      double value = 0.0;
      if (!parts.ok() || !absl::SimpleAtod(parts->second, &value)) {
        return BadSchedule(
            word, absl::StrCat("expected KEY=NUMBER instead of '", pair, "'"));
      }
      result.values_[parts->first] = value;
    }
    return result;
  }

  const std::string& name() const { return name_; }

  /// Takes the value of `key` out. A usage error when there is none.
  absl::Status Take(const std::string& key, double& value) {
    const auto found = values_.find(key);
    if (found == values_.end()) {
      return BadSchedule(word_, absl::StrCat("give ", key, "=NUMBER"));
    }
    value = found->second;
    values_.erase(found);
    return absl::OkStatus();
  }

  absl::Status Take(const std::string& key, int64_t& count) {
    double value = 0.0;
    REPSCORE_RETURN_IF_ERROR(Take(key, value));
    constexpr double kLargest = 1e15;
    if (!(std::fabs(value) <= kLargest) || std::trunc(value) != value) {
      return BadSchedule(word_, absl::StrCat(key, " is no whole number"));
    }
    count = static_cast<int64_t>(value);
    return absl::OkStatus();
  }

  bool Has(const std::string& key) const { return values_.contains(key); }

  /// A usage error when a value was not taken.
  absl::Status CheckEmpty() const {
    return values_.empty()
               ? absl::OkStatus()
               : BadSchedule(
                     word_,
                     absl::StrCat(
                         name_, " has no '", values_.begin()->first, "'"));
  }

  absl::Status Unknown() const {
    return BadSchedule(word_,
                       "there are constant, cosine(...) and exponential(...)");
  }

 private:
  std::string word_;
  std::string name_;
  std::map<std::string, double> values_;
};

absl::Status FillSchedule(const std::string& text,
                          v1::LearningRateSchedule& schedule) {
  REPSCORE_ASSIGN_OR_RETURN(ScheduleWord word, ScheduleWord::Parse(text));
  if (word.name() == "constant") {
    schedule.mutable_constant();
  } else if (word.name() == "cosine") {
    int64_t steps = 0;
    double final_factor = 0.0;
    REPSCORE_RETURN_IF_ERROR(word.Take("steps", steps));
    if (word.Has("final")) {
      REPSCORE_RETURN_IF_ERROR(word.Take("final", final_factor));
    }
    schedule.mutable_cosine()->set_steps(steps);
    schedule.mutable_cosine()->set_final_factor(final_factor);
  } else if (word.name() == "exponential") {
    double factor = 0.0;
    int64_t every = 0;
    REPSCORE_RETURN_IF_ERROR(word.Take("factor", factor));
    REPSCORE_RETURN_IF_ERROR(word.Take("every", every));
    schedule.mutable_exponential()->set_factor(factor);
    schedule.mutable_exponential()->set_every(every);
  } else {
    return word.Unknown();
  }
  return word.CheckEmpty();
}

}  // namespace

void AddOptimizerFlags(CLI::App& command, OptimizerFlags& flags) {
  auto* lbfgs = command.add_flag(
      "--lbfgs", flags.lbfgs, "L-BFGS instead of Adam, for smooth objectives");
  command.add_option("--lr", flags.learning_rate, "Adam learning rate [0.1]")
      ->excludes(lbfgs);
  command.add_option("--beta1", flags.beta1, "Adam beta1 [0.9]")
      ->excludes(lbfgs);
  command.add_option("--beta2", flags.beta2, "Adam beta2 [0.999]")
      ->excludes(lbfgs);
  command.add_option("--epsilon", flags.epsilon, "Adam epsilon [1e-8]")
      ->excludes(lbfgs);
  command.add_option("--schedule", flags.schedule, kScheduleHelp)
      ->excludes(lbfgs);
  command
      .add_option("--warmup",
                  flags.warmup_steps,
                  "Let the learning rate rise from 0 over this many steps")
      ->excludes(lbfgs);
  command
      .add_option("--lbfgs-memory",
                  flags.lbfgs_memory,
                  "Pairs of differences that are kept [10]")
      ->needs(lbfgs);
  command
      .add_option("--lbfgs-step",
                  flags.lbfgs_step,
                  "First trial step, in units of the gradient's norm [1]")
      ->needs(lbfgs);
  command
      .add_option("--lbfgs-trials",
                  flags.lbfgs_trials,
                  "Trials of one line search [20]")
      ->needs(lbfgs);
}

absl::StatusOr<v1::AdamOptions> MakeAdam(const OptimizerFlags& flags) {
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
  if (!flags.schedule.empty()) {
    REPSCORE_RETURN_IF_ERROR(
        FillSchedule(flags.schedule, *adam.mutable_schedule()));
  }
  if (flags.warmup_steps.has_value()) {
    adam.mutable_schedule()->set_warmup_steps(*flags.warmup_steps);
  }
  return adam;
}

v1::LbfgsOptions MakeLbfgs(const OptimizerFlags& flags) {
  v1::LbfgsOptions lbfgs;
  if (flags.lbfgs_memory.has_value()) {
    lbfgs.set_memory(*flags.lbfgs_memory);
  }
  if (flags.lbfgs_step.has_value()) {
    lbfgs.set_initial_step(*flags.lbfgs_step);
  }
  if (flags.lbfgs_trials.has_value()) {
    lbfgs.set_max_trials(*flags.lbfgs_trials);
  }
  return lbfgs;
}

}  // namespace repscore::cli
