// repscore runs list|show|watch|cancel|array

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/arguments.h"
#include "client/cli/json.h"
#include "client/cli/run_array_command.h"
#include "client/cli/run_report.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct WatchFlags {
  std::string name;
  int64_t after = 0;
  ReportFlags report;
};

std::string FormatScores(const v1::Run& run) {
  return absl::StrJoin(run.scores(), ", ", [](std::string* text, double score) {
    absl::StrAppend(text, FormatNumber(score));
  });
}

absl::Status List(Session& session, int64_t limit) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<v1::Run> runs,
                            client->ListRuns(limit));
  if (session.json()) {
    PrintList("runs", runs);
    return absl::OkStatus();
  }
  Table table({"run", "kind", "state", "step", "scores", "dataset", "created"},
              {3});
  for (const v1::Run& run : runs) {
    table.AddRow({run.name(),
                  FormatEnum(run.kind()),
                  FormatEnum(run.state()),
                  absl::StrCat(run.step()),
                  FormatScores(run),
                  run.dataset_version(),
                  FormatTime(run.create_time())});
  }
  std::cout << table.ToString();
  return absl::OkStatus();
}

void PrintRun(const Session& session, const v1::Run& run) {
  if (session.json()) {
    PrintDocument(ToJson(run));
    return;
  }
  Listing listing;
  listing.Add("run", run.name());
  listing.Add("kind", FormatEnum(run.kind()));
  listing.Add("state", FormatEnum(run.state()));
  if (run.stop_reason() != v1::STOP_REASON_UNSPECIFIED) {
    listing.Add("stopped by", FormatEnum(run.stop_reason()));
  }
  listing.Add("error", run.error().message());
  listing.Add("dataset", run.dataset_version());
  listing.Add("seed", absl::StrCat(run.seed()));
  listing.Add("created", FormatTime(run.create_time()));
  listing.Add("updated", FormatTime(run.update_time()));
  listing.Add("step", absl::StrCat(run.step()));
  if (run.members() > 1) {
    listing.Add(
        "members",
        absl::StrCat(run.members(), ", ", run.active_members(), " active"));
  }
  listing.Add("last event", absl::StrCat(run.last_sequence()));
  std::cout << listing.ToString();
  Table table({"measure", "score"}, {1});
  for (int i = 0; i < run.measures_size(); ++i) {
    table.AddRow({run.measures(i),
                  i < run.scores_size() ? FormatNumber(run.scores(i)) : ""});
  }
  if (!table.empty()) {
    std::cout << '\n' << table.ToString();
  }
}

absl::Status Show(Session& session, const std::string& name) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::Run run, client->GetRun(RunName(name)));
  PrintRun(session, run);
  return absl::OkStatus();
}

absl::Status Cancel(Session& session, const std::string& name) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::Run run,
                            client->CancelRun(RunName(name)));
  PrintRun(session, run);
  return absl::OkStatus();
}

// The first event of a run, which names the columns of a trace.
absl::StatusOr<v1::RunStarted> ReadStarted(client::Client& client,
                                           const std::string& name) {
  v1::WatchRunRequest request;
  request.set_name(name);
  v1::RunStarted started;
  const auto keep_first = [&](const v1::RunEvent& event) {
    started = event.started();
    return false;
  };
  absl::Status status =
      client.WatchRun(request, {.on_event = keep_first}).status();
  if (started.has_run()) {
    return started;
  }
  return status;
}

absl::Status Watch(Session& session, const WatchFlags& flags) {
  REPSCORE_ASSIGN_OR_RETURN(const std::unique_ptr<RunReport> report,
                            RunReport::Create(flags.report, session.json()));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  v1::WatchRunRequest request;
  request.set_name(RunName(flags.name));
  request.set_after_sequence(flags.after);
  request.set_return_candidate(!flags.report.output_file.empty());
  if (flags.after > 0) {
    REPSCORE_ASSIGN_OR_RETURN(const v1::RunStarted started,
                              ReadStarted(*client, request.name()));
    report->Begin(started);
  }
  client::RunObserver observer;
  observer.on_event = [&](const v1::RunEvent& event) {
    return report->OnEvent(event);
  };
  observer.stop = session.interrupt().StopOnFirstSignal();
  return report->Finish(client->WatchRun(request, observer));
}

void AddList(CLI::App& runs, Session& session) {
  CLI::App* command = runs.add_subcommand("list", "Newest first");
  const auto limit = std::make_shared<int64_t>(0);
  command->add_option("--limit", *limit, "At most this many [all]");
  command->callback([&session, limit] {
    session.command = [&session, limit] { return List(session, *limit); };
  });
}

void AddWatch(CLI::App& runs, Session& session) {
  CLI::App* command = runs.add_subcommand(
      "watch", "Follow a run to its end; Ctrl-C leaves the run alone");
  const auto flags = std::make_shared<WatchFlags>();
  command->add_option("RUN", flags->name, "Name of the run")->required();
  command->add_option(
      "--after", flags->after, "Begin after this event [0: all events]");
  AddReportFlags(*command, flags->report);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Watch(session, *flags); };
  });
}

void AddNameCommand(CLI::App& runs,
                    Session& session,
                    const std::string& word,
                    const std::string& description,
                    absl::Status (*action)(Session&, const std::string&)) {
  CLI::App* command = runs.add_subcommand(word, description);
  const auto name = std::make_shared<std::string>();
  command->add_option("RUN", *name, "Name of the run")->required();
  command->callback([&session, name, action] {
    session.command = [&session, name, action] {
      return action(session, *name);
    };
  });
}

}  // namespace

void AddRunsCommand(CLI::App& app, Session& session) {
  CLI::App* runs = app.add_subcommand("runs", "Stored optimisation runs");
  runs->require_subcommand(1);
  AddList(*runs, session);
  AddNameCommand(*runs, session, "show", "State of a run", Show);
  AddWatch(*runs, session);
  AddNameCommand(*runs, session, "cancel", "Stop a run", Cancel);
  AddRunArrayCommand(*runs, session);
}

}  // namespace repscore::cli
