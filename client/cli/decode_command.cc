// repscore decode

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/decoding_flags.h"
#include "client/cli/device_flag.h"
#include "client/cli/failure.h"
#include "client/cli/json.h"
#include "client/cli/score_table.h"
#include "client/cli/session.h"
#include "client/cli/systems.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

struct DecodeFlags {
  std::string dataset;
  std::string file;
  DecodingFlags decoding;
  std::vector<int32_t> components;
  std::optional<int32_t> repeats;
  bool bins = false;
  std::string device;
};

// A line per label; with `with_recording` the recording beside the candidate.
std::string LabelLines(const v1::DecodeLabelsResponse& response,
                       bool with_recording) {
  std::vector<std::string> header = {
      "label", "classes", "chance", "accuracy", "sd"};
  if (with_recording) {
    header.emplace_back("recording");
  }
  const size_t width = header.size();
  Table table(std::move(header), ColumnsBetween(1, width));
  for (const v1::LabelDecoding& decoding : response.labels()) {
    const v1::DecodedLabel& label = decoding.label();
    table.AddRow({label.label(),
                  absl::StrCat(label.classes()),
                  FormatFixed(label.chance()),
                  FormatFixed(decoding.accuracy()),
                  FormatFixed(decoding.standard_deviation()),
                  FormatFixed(label.reference_accuracy())});
  }
  return table.ToString();
}

// A line per number that `first` names, a column per label; `values` gives a
// label's list.
template <typename First>
std::string AccuracyLines(const v1::DecodeLabelsResponse& response,
                          const std::string& title,
                          int lines,
                          First first,
                          const google::protobuf::RepeatedField<double>& (
                              v1::LabelDecoding::*values)() const) {
  std::vector<std::string> header = {title};
  for (const v1::LabelDecoding& decoding : response.labels()) {
    header.push_back(decoding.label().label());
  }
  const size_t width = header.size();
  Table table(std::move(header), ColumnsBetween(0, width));
  for (int i = 0; i < lines; ++i) {
    std::vector<std::string> cells = {absl::StrCat(first(i))};
    for (const v1::LabelDecoding& decoding : response.labels()) {
      const auto& list = (decoding.*values)();
      cells.push_back(i < list.size() ? FormatFixed(list[i]) : "");
    }
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

void PrintDecoding(const DecodeFlags& flags,
                   const v1::DecodeLabelsResponse& response) {
  if (!response.labels().empty()) {
    std::cout << LabelLines(response, !flags.file.empty());
  }
  if (!flags.components.empty()) {
    std::cout << "\nrecording, from its first components\n"
              << AccuracyLines(
                     response,
                     "components",
                     static_cast<int>(flags.components.size()),
                     [&](int i) {
                       return flags.components[static_cast<size_t>(i)];
                     },
                     &v1::LabelDecoding::component_accuracy);
  }
  int bins = 0;
  for (const v1::LabelDecoding& decoding : response.labels()) {
    bins = std::max(bins, decoding.bins_size());
  }
  if (flags.bins && bins > 0) {
    std::cout << '\n'
              << AccuracyLines(
                     response,
                     "time bin",
                     bins,
                     [](int i) { return i; },
                     &v1::LabelDecoding::bins);
  }
  for (const v1::Warning& note : response.notes()) {
    std::cout << FormatNote(flags.dataset, note);
  }
  PrintProvenance(response.provenance().dataset_version(),
                  response.provenance());
}

absl::Status Decode(Session& session, const DecodeFlags& flags) {
  v1::DecodeLabelsRequest request;
  request.set_dataset(DatasetName(flags.dataset));
  *request.mutable_decoding() = MakeDecoding(flags.decoding);
  request.mutable_components()->Assign(flags.components.begin(),
                                       flags.components.end());
  if (flags.repeats.has_value()) {
    request.set_repeats(*flags.repeats);
  }
  request.set_device(flags.device);
  if (!flags.file.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(const HostArray array, ReadArray(flags.file));
    *request.mutable_candidate() = client::ToTensor(client::ViewOf(array));
  }
  REPSCORE_ASSIGN_OR_RETURN(client::Client* const client, session.Connect());
  REPSCORE_RETURN_IF_ERROR(
      CheckFitsMessage(*client,
                       request.candidate().data().size(),
                       "send it as float32 or with fewer features"));
  REPSCORE_ASSIGN_OR_RETURN(const v1::DecodeLabelsResponse response,
                            client->DecodeLabels(request));
  if (session.json()) {
    PrintDocument(ToJson(response));
  } else {
    PrintDecoding(flags, response);
  }
  return absl::OkStatus();
}

}  // namespace

void AddDecodeCommand(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand(
      "decode", "How well labels can be read from a dataset or an array");
  const auto flags = std::make_shared<DecodeFlags>();
  command->add_option("DATASET", flags->dataset, "NAME or NAME/versions/N")
      ->required();
  command->add_option("FILE",
                      flags->file,
                      "An array with the dataset's rows: FILE.npy or "
                      "FILE.npz[:key]; without it the dataset is decoded");
  AddDecodingFlags(*command, "--label", "", flags->decoding);
  command->add_option("--components",
                      flags->components,
                      "Decode the dataset from its first N components, for "
                      "every N");
  command->add_option("--repeats",
                      flags->repeats,
                      "Repeat with as many shuffles into folds [1]");
  command->add_flag("--bins", flags->bins, "Print the accuracy per time bin");
  AddDeviceFlag(*command, flags->device);
  command->callback([&session, flags] {
    session.command = [&session, flags] { return Decode(session, *flags); };
  });
}

}  // namespace repscore::cli
