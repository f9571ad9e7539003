// How well the labels of a dataset can be read from a candidate, from the
// dataset, and from its first principal components.
//
// Pure functions of the reference; use from its backend's thread.
#ifndef REPSCORE_CORE_ANALYSIS_LABEL_DECODING_H_
#define REPSCORE_CORE_ANALYSIS_LABEL_DECODING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/analysis/context.h"
#include "core/analysis/decoding.h"
#include "core/measures/measure.h"
#include "core/measures/reference.h"

namespace repscore {

/// Decoders of labels, and why the others are not there.
struct LabelDecoders {
  std::vector<std::unique_ptr<Decoder>> decoders;
  std::vector<MeasureWarning> notes;
};

/// Of the named labels, each of which must be decodable: InvalidArgument else,
/// naming "<field>.labels[i]", "<field>.folds", "<field>.folds_of" or
/// "<field>.c". Without names: of every label that can be decoded, with a note
/// NOT_DECODABLE for each other one; InvalidArgument naming "<field>.labels"
/// when there is none.
absl::StatusOr<LabelDecoders> MakeDecoders(
    const Dataset& dataset,
    const std::vector<std::string>& labels,
    const DecodingOptions& options,
    std::string_view field);

struct LabelDecodingRequest {
  /// Empty: every label that can be decoded.
  std::vector<std::string> labels = {};
  DecodingOptions options = {};
  /// Numbers N: decode the dataset from its first N principal components.
  std::vector<int64_t> components = {};
  /// With the seeds seed, seed + 1, ..., 1 to 100.
  int64_t repeats = 1;
};

struct LabelDecoding {
  DecodedLabel label;
  /// Of the candidate, or of the dataset without one: mean and population
  /// standard deviation over repeats.
  double accuracy = 0.0;
  double standard_deviation = 0.0;
  /// Per time bin, mean over repeats.
  std::vector<double> bins;
  /// Mean over repeats, in the order of the request.
  std::vector<double> component_accuracy;
};

struct LabelDecodings {
  std::vector<LabelDecoding> labels;
  std::vector<MeasureWarning> notes;
};

/// `candidate` [n x p] or (time, condition, feature) may be null. reference
/// accuracies are means over repeats. InvalidArgument names "candidate",
/// "components[i]", "repeats" or "decoding.<field>".
absl::StatusOr<LabelDecodings> DecodeLabels(const Reference& reference,
                                            const HostArray* candidate,
                                            const LabelDecodingRequest& request,
                                            const KeepGoing& keep_going);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_LABEL_DECODING_H_
