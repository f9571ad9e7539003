// repscore optimize

#include <memory>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/run_flags.h"
#include "client/cli/run_report.h"
#include "client/cli/session.h"
#include "client/cli/start_run.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct OptimizeFlags {
  RunFlags run;
  std::string measure;
  std::optional<double> stop_score;
  std::optional<int32_t> restarts;
  std::vector<double> snapshot_scores;
};

absl::Status Optimize(Session& session, const OptimizeFlags& flags) {
  std::vector<std::string> ids = {flags.measure};
  ids.insert(ids.end(), flags.run.tracked.begin(), flags.run.tracked.end());
  REPSCORE_ASSIGN_OR_RETURN(std::vector<v1::MeasureSpec> measures,
                            MeasureSpecs(ids, flags.run.folds_file));
  v1::OptimizeRequest request;
  *request.mutable_measure() = measures.front();
  measures.erase(measures.begin());
  REPSCORE_RETURN_IF_ERROR(FillRequest(flags.run, measures, request));
  if (flags.stop_score.has_value()) {
    request.mutable_stopping()->set_score(*flags.stop_score);
  }
  if (flags.restarts.has_value()) {
    request.set_restarts(*flags.restarts);
  }
  request.mutable_trace()->mutable_snapshot_scores()->Assign(
      flags.snapshot_scores.begin(), flags.snapshot_scores.end());
  return StartRun(
      session,
      flags.run,
      [&](client::Client& client, const client::RunObserver& observer) {
        return client.Optimize(request, observer);
      });
}

}  // namespace

void AddOptimizeCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "optimize", "Move a synthetic array towards a dataset");
  const auto flags = std::make_shared<OptimizeFlags>();
  AddRunFlags(*command, flags->run);
  command->add_option("-m,--measure", flags->measure, "The measure to improve")
      ->required();
  command->add_option("--stop-score",
                      flags->stop_score,
                      "Stop when the score is better than this [0.99; none "
                      "for distances]");
  command->add_option("--restarts",
                      flags->restarts,
                      "Runs from this many random starts, side by side; the "
                      "seeds follow --seed [1]");
  command->add_option("--snapshot",
                      flags->snapshot_scores,
                      "Keep the array as it first passes each of these "
                      "SCOREs; 'repscore runs array' reads it");
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Optimize(session, *flags); };
  });
}

}  // namespace repscore::cli
