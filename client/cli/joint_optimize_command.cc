// repscore joint-optimize

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "client/cli/run_flags.h"
#include "client/cli/session.h"
#include "client/cli/start_run.h"
#include "client/cli/target_walk.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct JointFlags {
  RunFlags run;
  std::vector<std::string> maximize;
  std::vector<std::string> targets;
  std::vector<std::string> floors;
  std::vector<std::string> weights;
  std::string target_loss = "absolute";
  WalkFlags walk;
  bool both = false;
  std::optional<double> goal_tolerance;
};

// The term of a word "MEASURE=VALUE" and its value.
absl::StatusOr<std::pair<v1::ObjectiveTerm, double>> ParseTerm(
    const std::string& word) {
  REPSCORE_ASSIGN_OR_RETURN(const auto parts, SplitAtLastEquals(word));
  REPSCORE_ASSIGN_OR_RETURN(const double value, ParseNumber(parts.second));
  v1::ObjectiveTerm term;
  term.mutable_measure()->set_id(parts.first);
  return std::make_pair(std::move(term), value);
}

// The term of a target whose values come from a walk. `word` is a measure, in
// which '=' may stand between parentheses only.
absl::StatusOr<v1::ObjectiveTerm> ParseWalkTerm(const std::string& word) {
  const size_t equals = word.rfind('=');
  const size_t parenthesis = word.rfind(')');
  const bool has_value =
      equals != std::string::npos &&
      (parenthesis == std::string::npos || equals > parenthesis);
  if (has_value) {
    return UsageError(absl::StrCat(
        "--target ", word, ": with --grid a target is a measure alone"));
  }
  v1::ObjectiveTerm term;
  term.mutable_measure()->set_id(word);
  term.mutable_target();
  return term;
}

absl::StatusOr<v1::ObjectiveTerm> ParseTargetTerm(const std::string& word) {
  REPSCORE_ASSIGN_OR_RETURN(auto parsed, ParseTerm(word));
  parsed.first.mutable_target()->set_value(parsed.second);
  return std::move(parsed.first);
}

// The terms of targets, and in `request` where they walk.
absl::StatusOr<std::vector<v1::ObjectiveTerm>> ParseTargets(
    const JointFlags& flags, v1::JointOptimizeRequest& request) {
  std::vector<v1::ObjectiveTerm> terms;
  if (flags.walk.points_per_side.has_value()) {
    *request.mutable_grid() = MakeGrid(flags.walk);
    for (const std::string& word : flags.targets) {
      REPSCORE_ASSIGN_OR_RETURN(terms.emplace_back(), ParseWalkTerm(word));
    }
    if (terms.empty()) {
      return UsageError("--grid needs a --target MEASURE per axis");
    }
  } else if (!flags.walk.list_file.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(TargetTable table,
                              ReadTargetTable(flags.walk.list_file));
    request.mutable_targets()->Swap(&table.list);
    for (const std::string& measure : table.measures) {
      v1::ObjectiveTerm& term = terms.emplace_back();
      term.mutable_measure()->set_id(measure);
      term.mutable_target();
    }
  } else {
    for (const std::string& word : flags.targets) {
      REPSCORE_ASSIGN_OR_RETURN(terms.emplace_back(), ParseTargetTerm(word));
    }
  }
  for (v1::ObjectiveTerm& term : terms) {
    term.mutable_target()->set_loss(flags.target_loss == "squared"
                                        ? v1::TARGET_LOSS_SQUARED
                                        : v1::TARGET_LOSS_ABSOLUTE);
  }
  return terms;
}

absl::StatusOr<std::vector<v1::ObjectiveTerm>> ParseTerms(
    const JointFlags& flags, v1::JointOptimizeRequest& request) {
  std::vector<v1::ObjectiveTerm> terms;
  for (const std::string& id : flags.maximize) {
    terms.emplace_back().mutable_maximize();
    terms.back().mutable_measure()->set_id(id);
  }
  REPSCORE_ASSIGN_OR_RETURN(std::vector<v1::ObjectiveTerm> targets,
                            ParseTargets(flags, request));
  for (v1::ObjectiveTerm& term : targets) {
    terms.push_back(std::move(term));
  }
  for (const std::string& word : flags.floors) {
    REPSCORE_ASSIGN_OR_RETURN(auto parsed, ParseTerm(word));
    parsed.first.mutable_floor()->set_value(parsed.second);
    terms.push_back(std::move(parsed.first));
  }
  if (terms.empty()) {
    return UsageError("give at least one --maximize, --target or --floor");
  }
  return terms;
}

absl::Status SetWeights(const std::vector<std::string>& words,
                        std::vector<v1::ObjectiveTerm>& terms) {
  for (const std::string& word : words) {
    REPSCORE_ASSIGN_OR_RETURN(const auto parts, SplitAtLastEquals(word));
    REPSCORE_ASSIGN_OR_RETURN(const double weight, ParseNumber(parts.second));
    bool found = false;
    for (v1::ObjectiveTerm& term : terms) {
      if (term.measure().id() == parts.first) {
        term.set_weight(weight);
        found = true;
      }
    }
    if (!found) {
      return UsageError(absl::StrCat("--weight ",
                                     word,
                                     ": '",
                                     parts.first,
                                     "' is the measure of no goal"));
    }
  }
  return absl::OkStatus();
}

absl::Status JointOptimize(Session& session, const JointFlags& flags) {
  v1::JointOptimizeRequest request;
  REPSCORE_ASSIGN_OR_RETURN(std::vector<v1::ObjectiveTerm> terms,
                            ParseTerms(flags, request));
  REPSCORE_RETURN_IF_ERROR(SetWeights(flags.weights, terms));
  std::vector<std::string> ids;
  ids.reserve(terms.size() + flags.run.tracked.size());
  for (const v1::ObjectiveTerm& term : terms) {
    ids.push_back(term.measure().id());
  }
  ids.insert(ids.end(), flags.run.tracked.begin(), flags.run.tracked.end());
  REPSCORE_ASSIGN_OR_RETURN(std::vector<v1::MeasureSpec> measures,
                            MeasureSpecs(ids, flags.run.folds_file));
  for (size_t i = 0; i < terms.size(); ++i) {
    *terms[i].mutable_measure() = measures[i];
    *request.add_terms() = std::move(terms[i]);
  }
  measures.erase(measures.begin(), measures.begin() + request.terms_size());
  REPSCORE_RETURN_IF_ERROR(FillRequest(flags.run, measures, request));
  request.set_moves(flags.both ? v1::MOVES_BOTH : v1::MOVES_CANDIDATE);
  if (flags.goal_tolerance.has_value()) {
    request.mutable_stopping()->set_goal_tolerance(*flags.goal_tolerance);
  }
  return StartRun(
      session,
      flags.run,
      [&](client::Client& client, const client::RunObserver& observer) {
        return client.JointOptimize(request, observer);
      });
}

}  // namespace

void AddJointOptimizeCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "joint-optimize", "Move a synthetic array towards several goals at once");
  const auto flags = std::make_shared<JointFlags>();
  AddRunFlags(*command, flags->run);
  const auto add_list = [&](const std::string& name,
                            std::vector<std::string>& words,
                            const std::string& description) {
    command->add_option(name, words, description)->allow_extra_args(false);
  };
  add_list("--maximize", flags->maximize, "Measure to improve");
  add_list("--target",
           flags->targets,
           "Value to reach: MEASURE=VALUE, or MEASURE with --grid");
  add_list("--floor", flags->floors, "Value to stay above: MEASURE=VALUE");
  add_list("--weight", flags->weights, "Weight of a goal [1]: MEASURE=WEIGHT");
  command
      ->add_option("--target-loss",
                   flags->target_loss,
                   "Loss of the distance from targets: absolute or squared")
      ->check(CLI::IsMember({"absolute", "squared"}))
      ->capture_default_str();
  AddWalkFlags(*command, flags->walk);
  command->get_option("--target-list")
      ->excludes(command->get_option("--target"));
  command->add_flag(
      "--both", flags->both, "Move a copy of the dataset as well");
  command->add_option("--goal-tolerance",
                      flags->goal_tolerance,
                      "Stop when every goal holds within this");
  command->callback([&session, flags] {
    session.command = [&session, flags] {
      return JointOptimize(session, *flags);
    };
  });
}

}  // namespace repscore::cli
