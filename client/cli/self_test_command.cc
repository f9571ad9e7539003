// repscore self-test

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/json.h"
#include "client/cli/session.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

std::string VerdictOn(const v1::DeviceSelfTest& device) {
  if (!device.error().empty()) {
    return absl::StrCat("not tested: ", device.error());
  }
  return device.passed() ? "passed" : "failed";
}

void PrintReport(const v1::RunSelfTestResponse& response) {
  Table devices({"DEVICE", "CHECKS", "FAILED", "VERDICT"}, {1, 2});
  Table failures({"DEVICE", "MEASURE", "STEP", "EXPECTED", "GOT", "TOLERANCE"},
                 {2, 3, 4, 5});
  for (const v1::DeviceSelfTest& device : response.devices()) {
    int failed = 0;
    for (const v1::SelfTestCheck& check : device.checks()) {
      if (check.passed()) {
        continue;
      }
      ++failed;
      failures.AddRow(
          {device.device(),
           check.measure(),
           absl::StrCat(check.step()),
           FormatExactly(check.expected()),
           check.has_actual() ? FormatExactly(check.actual()) : check.error(),
           FormatNumber(check.tolerance())});
    }
    devices.AddRow({device.device(),
                    absl::StrCat(device.checks_size()),
                    absl::StrCat(failed),
                    VerdictOn(device)});
  }
  std::cout << devices.ToString();
  if (!failures.empty()) {
    std::cout << '\n' << failures.ToString();
  }
}

absl::Status SelfTest(Session& session,
                      const std::vector<std::string>& devices) {
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_ASSIGN_OR_RETURN(const v1::RunSelfTestResponse response,
                            client->RunSelfTest(devices));
  if (session.json()) {
    PrintDocument(ToJson(response));
  } else {
    PrintReport(response);
  }
  return response.passed()
             ? absl::OkStatus()
             : absl::DataLossError("the server failed its self-test");
}

}  // namespace

void AddSelfTestCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "self-test", "Whether every device of the server gives golden values");
  const auto devices = std::make_shared<std::vector<std::string>>();
  command->add_option(
      "--device", *devices, "such as cuda:0, repeatable; default: all");
  command->callback([&session, devices] {
    session.command = [&session, devices] {
      return SelfTest(session, *devices);
    };
  });
}

}  // namespace repscore::cli
