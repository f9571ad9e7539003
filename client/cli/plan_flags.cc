#include "client/cli/plan_flags.h"

#include "absl/strings/str_cat.h"

namespace repscore::cli {

std::vector<CLI::Option*> AddPlanFlags(CLI::App& command,
                                       const std::string& prefix,
                                       PlanFlags& flags) {
  const auto name = [&](const std::string& word) {
    return absl::StrCat("--", prefix, word);
  };
  return {
      command.add_option(name("restarts"),
                         flags.restarts,
                         "Runs from different noise per measure [3]"),
      command.add_option(name("seed"), flags.seed, "Seed of the first run [0]")
          ->check(CLI::NonNegativeNumber),
      command.add_option(
          name("max-steps"), flags.max_steps, "Steps of every run [1000]"),
      command.add_option(name("components"),
                         flags.components,
                         "Leading principal components to follow [50]")};
}

v1::CalibrationPlan MakePlan(const PlanFlags& flags,
                             const std::vector<v1::MeasureSpec>& measures) {
  v1::CalibrationPlan plan;
  plan.mutable_measures()->Assign(measures.begin(), measures.end());
  if (flags.restarts.has_value()) {
    plan.set_restarts(*flags.restarts);
  }
  plan.set_seed(flags.seed.value_or(0));
  if (flags.max_steps.has_value()) {
    plan.set_max_steps(*flags.max_steps);
  }
  if (flags.components.has_value()) {
    plan.set_principal_components(*flags.components);
  }
  return plan;
}

}  // namespace repscore::cli
