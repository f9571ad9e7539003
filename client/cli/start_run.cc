#include "client/cli/start_run.h"

#include <iostream>
#include <memory>

#include "client/cli/json.h"
#include "client/cli/run_report.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

absl::Status StartDetached(Session& session,
                           client::Client& client,
                           const Start& start) {
  bool started = false;
  const auto print_name = [&](const v1::RunEvent& event) {
    started = true;
    if (session.json()) {
      PrintLine(ToJson(event));
    } else {
      std::cout << event.run() << std::endl;
    }
    return false;
  };
  const absl::Status status = start(client, {.on_event = print_name}).status();
  return started ? absl::OkStatus() : status;
}

}  // namespace

absl::Status StartRun(Session& session,
                      const RunFlags& flags,
                      const Start& start) {
  REPSCORE_ASSIGN_OR_RETURN(const std::unique_ptr<RunReport> report,
                            RunReport::Create(flags.report, session.json()));
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  if (flags.detach) {
    return StartDetached(session, *client, start);
  }
  client::RunObserver observer;
  observer.on_event = [&](const v1::RunEvent& event) {
    return report->OnEvent(event);
  };
  observer.stop = session.interrupt().StopOnFirstSignal();
  return report->Finish(start(*client, observer));
}

}  // namespace repscore::cli
