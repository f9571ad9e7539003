// Between the wire and the core: how labels are decoded, and which can be.
// Pure functions, safe from any thread. Errors are InvalidArgument and name the
// wire's field.
#ifndef REPSCORE_SERVER_CONVERT_DECODING_H_
#define REPSCORE_SERVER_CONVERT_DECODING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/analysis/decoding.h"
#include "core/analysis/label_decoding.h"
#include "core/data/dataset.h"
#include "repscore/v1/types.pb.h"

namespace repscore::server {

/// Without elements, and with repetitions (equal row ids) as one condition:
/// what scores and decoders see of a normalised description.
Dataset ScoredShape(const DatasetDescription& description);

/// Numbers and text checked, labels not.
absl::StatusOr<DecodingOptions> ToDecodingOptions(
    const v1::DecodingOptions& wire, const std::string& field);

/// As ToDecodingOptions, and the labels that are asked for, and folds_of, fit
/// `dataset`, which may be a ScoredShape.
absl::Status CheckDecoding(const v1::DecodingOptions& wire,
                           const Dataset& dataset,
                           const std::string& field);

/// The labels that are asked for; without any, all of `dataset` that can be
/// decoded with these (checked) options.
std::vector<std::string> LabelsToDecode(const v1::DecodingOptions& wire,
                                        const Dataset& dataset);

v1::DecodedLabel ToProto(const DecodedLabel& label);
DecodedLabel FromProto(const v1::DecodedLabel& label);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONVERT_DECODING_H_
