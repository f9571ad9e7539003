#include "core/analysis/label_decoding.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "core/analysis/draw_statistics.h"
#include "core/analysis/score_stream.h"
#include "core/base/dtype.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr int64_t kMostRepeats = 100;
// Between two looks at whether the caller still waits.
constexpr int64_t kRepeatsTogether = 8;
constexpr ScalarType kDouble = ScalarType::kFloat64;

/// Row-major rows with their number of columns.
struct HostRows {
  std::vector<double> elements;
  int64_t features = 0;
};

HostRows RowMajor(Backend& backend, const Matrix& rows) {
  const Matrix transposed = backend.Allocate(rows.cols(), rows.rows(), kDouble);
  backend.Transpose(rows, transposed);
  HostRows host;
  host.features = rows.cols();
  host.elements.resize(static_cast<size_t>(rows.size()));
  backend.Download(transposed, absl::MakeSpan(host.elements));
  return host;
}

absl::StatusOr<HostRows> CandidateRows(const Reference& reference,
                                       const HostArray& candidate) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                            CheckedByteSize(candidate.spec, "candidate.spec"));
  if (static_cast<int64_t>(candidate.data.size()) != bytes) {
    return absl::InvalidArgumentError(StrCat("candidate.data: has ",
                                             candidate.data.size(),
                                             " bytes, but ",
                                             ToString(candidate.spec),
                                             " takes ",
                                             bytes));
  }
  REPSCORE_RETURN_IF_ERROR(CheckRowCount(
      reference, RowCount(candidate.spec), "candidate.spec.shape"));
  HostRows host;
  host.features = FeatureCount(candidate.spec);
  host.elements.resize(
      static_cast<size_t>(RowCount(candidate.spec) * host.features));
  ConvertToDouble(
      candidate.spec.type, candidate.data, absl::MakeSpan(host.elements));
  REPSCORE_RETURN_IF_ERROR(
      CheckFinite(host.elements, host.features, 0, "candidate"));
  return host;
}

/// Projections of the reference on its first `count` principal axes.
absl::StatusOr<HostRows> LeadingRows(const Reference& reference,
                                     int64_t count,
                                     size_t index) {
  const Reference::PrincipalComponents all =
      reference.principal_components(reference.rows());
  if (count < 1 || count > all.vectors.cols()) {
    return absl::InvalidArgumentError(StrCat("components[",
                                             index,
                                             "]: ",
                                             count,
                                             " is not from 1 to the rank ",
                                             all.vectors.cols(),
                                             " of the dataset"));
  }
  Backend& backend = reference.backend();
  const Matrix rows = backend.Allocate(reference.rows(), count, kDouble);
  const double norm_squared =
      backend.Dot(reference.centred(), reference.centred());
  for (int64_t i = 0; i < count; ++i) {
    const double share = all.variance_share[static_cast<size_t>(i)];
    backend.Axpby(std::sqrt(share * norm_squared),
                  all.vectors.Columns(i, 1),
                  0.0,
                  rows.Columns(i, 1));
  }
  return RowMajor(backend, rows);
}

/// Accuracies of one set of rows over repeats.
struct Accuracies {
  DrawStatistics statistics;
  std::vector<double> bins;
  int64_t classes = 0;
  double chance = 0.0;
};

absl::StatusOr<Accuracies> Repeated(const Dataset& dataset,
                                    const std::string& label,
                                    const LabelDecodingRequest& request,
                                    const HostRows& rows,
                                    int threads,
                                    const KeepGoing& keep_going) {
  Accuracies all;
  std::vector<double> values;
  for (int64_t first = 0; first < request.repeats; first += kRepeatsTogether) {
    REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
    const int64_t end = std::min(first + kRepeatsTogether, request.repeats);
    std::vector<std::unique_ptr<Decoder>> owned;
    std::vector<Decoder*> decoders;
    for (int64_t repeat = first; repeat < end; ++repeat) {
      DecodingOptions options = request.options;
      options.seed += static_cast<uint64_t>(repeat);
      REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder,
                                Decoder::Create(dataset, label, options));
      decoders.push_back(decoder.get());
      owned.push_back(std::move(decoder));
    }
    REPSCORE_ASSIGN_OR_RETURN(
        const std::vector<DecodingResult> results,
        DecodeTogether(decoders, rows.elements, rows.features, threads));
    for (const DecodingResult& result : results) {
      values.push_back(result.accuracy);
      all.classes = result.classes;
      all.chance = result.chance;
      all.bins.resize(result.bins.size());
      for (size_t i = 0; i < all.bins.size(); ++i) {
        all.bins[i] += result.bins[i] / static_cast<double>(request.repeats);
      }
    }
  }
  all.statistics = StatisticsOf(values);
  return all;
}

/// What labels are decoded from.
struct DecodedRows {
  HostRows reference;
  std::optional<HostRows> candidate;
  /// The reference's first principal components, in the order of the request.
  std::vector<HostRows> leading;
};

absl::StatusOr<DecodedRows> RowsToDecode(const Reference& reference,
                                         const HostArray* candidate,
                                         const LabelDecodingRequest& request) {
  DecodedRows rows;
  if (candidate != nullptr) {
    REPSCORE_ASSIGN_OR_RETURN(rows.candidate,
                              CandidateRows(reference, *candidate));
  }
  for (size_t i = 0; i < request.components.size(); ++i) {
    REPSCORE_ASSIGN_OR_RETURN(HostRows leading,
                              LeadingRows(reference, request.components[i], i));
    rows.leading.push_back(std::move(leading));
  }
  rows.reference = RowMajor(reference.backend(), reference.centred());
  return rows;
}

absl::StatusOr<LabelDecoding> DecodeLabel(const Dataset& dataset,
                                          const std::string& label,
                                          const LabelDecodingRequest& request,
                                          const DecodedRows& rows,
                                          int threads,
                                          const KeepGoing& keep_going) {
  REPSCORE_ASSIGN_OR_RETURN(
      Accuracies accuracies,
      Repeated(dataset, label, request, rows.reference, threads, keep_going));
  LabelDecoding result;
  result.label = {.label = label,
                  .classes = accuracies.classes,
                  .chance = accuracies.chance,
                  .reference_accuracy = accuracies.statistics.mean};
  if (rows.candidate.has_value()) {
    REPSCORE_ASSIGN_OR_RETURN(
        accuracies,
        Repeated(
            dataset, label, request, *rows.candidate, threads, keep_going));
  }
  result.accuracy = accuracies.statistics.mean;
  result.standard_deviation = accuracies.statistics.standard_deviation;
  result.bins = std::move(accuracies.bins);
  for (const HostRows& leading : rows.leading) {
    REPSCORE_ASSIGN_OR_RETURN(
        const Accuracies part,
        Repeated(dataset, label, request, leading, threads, keep_going));
    result.component_accuracy.push_back(part.statistics.mean);
  }
  return result;
}

absl::Status Renamed(const absl::Status& status,
                     std::string_view field,
                     size_t index) {
  // The decoder names its own option; a label is one of a list here.
  const std::string message(status.message());
  const bool is_label = message.rfind("label:", 0) == 0;
  return {status.code(),
          is_label ? StrCat(field, ".labels[", index, "]", message.substr(5))
                   : StrCat(field, ".", message)};
}

}  // namespace

absl::StatusOr<LabelDecoders> MakeDecoders(
    const Dataset& dataset,
    const std::vector<std::string>& labels,
    const DecodingOptions& options,
    std::string_view field) {
  LabelDecoders made;
  for (size_t i = 0; i < labels.size(); ++i) {
    absl::StatusOr<std::unique_ptr<Decoder>> decoder =
        Decoder::Create(dataset, labels[i], options);
    if (!decoder.ok()) {
      return Renamed(decoder.status(), field, i);
    }
    made.decoders.push_back(*std::move(decoder));
  }
  if (!labels.empty()) {
    return made;
  }
  for (const NamedValues& label : dataset.description.labels) {
    if (label.name == options.folds_of) {
      continue;
    }
    absl::StatusOr<std::unique_ptr<Decoder>> decoder =
        Decoder::Create(dataset, label.name, options);
    if (decoder.ok()) {
      made.decoders.push_back(*std::move(decoder));
    } else {
      made.notes.push_back(
          {.reason = "NOT_DECODABLE",
           .message = StrCat(label.name, ": ", decoder.status().message())});
    }
  }
  if (made.decoders.empty()) {
    return absl::InvalidArgumentError(StrCat(
        field,
        ".labels: ",
        dataset.name,
        made.notes.empty() ? " has no labels"
                           : StrCat(" has no label that can be decoded; ",
                                    made.notes.front().message)));
  }
  return made;
}

absl::StatusOr<LabelDecodings> DecodeLabels(const Reference& reference,
                                            const HostArray* candidate,
                                            const LabelDecodingRequest& request,
                                            const KeepGoing& keep_going) {
  if (request.repeats < 1 || request.repeats > kMostRepeats) {
    return absl::InvalidArgumentError(StrCat(
        "repeats: ", request.repeats, " is not from 1 to ", kMostRepeats));
  }
  return Guarded([&]() -> absl::StatusOr<LabelDecodings> {
    const Dataset& dataset = reference.dataset();
    const int threads = reference.backend().threads();
    REPSCORE_ASSIGN_OR_RETURN(
        LabelDecoders decodable,
        MakeDecoders(dataset, request.labels, request.options, "decoding"));
    REPSCORE_ASSIGN_OR_RETURN(const DecodedRows rows,
                              RowsToDecode(reference, candidate, request));
    LabelDecodings results;
    results.notes = std::move(decodable.notes);
    for (const auto& decoder : decodable.decoders) {
      REPSCORE_ASSIGN_OR_RETURN(
          LabelDecoding decoding,
          DecodeLabel(
              dataset, decoder->label(), request, rows, threads, keep_going));
      results.labels.push_back(std::move(decoding));
    }
    return results;
  });
}

}  // namespace repscore
