// Between the wire and the core: names, tensors, measures and scores.
// Pure functions, safe from any thread; large tensors are copied, so keep them
// off gRPC's threads. Errors are InvalidArgument and name the wire's field.
#ifndef REPSCORE_SERVER_CONVERT_H_
#define REPSCORE_SERVER_CONVERT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/analysis/score_stream.h"
#include "core/base/dtype.h"
#include "core/data/dataset.h"
#include "core/measures/measure.h"
#include "core/measures/registry.h"
#include "repscore/v1/scoring.pb.h"
#include "repscore/v1/types.pb.h"

namespace google::protobuf {
class Timestamp;
}  // namespace google::protobuf

namespace repscore::server {

/// Most measures of one request.
inline constexpr int kMaxMeasures = 128;

/// The bytes of a `bytes` field.
inline absl::Span<const std::byte> BytesOf(const std::string& data) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data.data()),
                             data.size());
}

/// Checks the name of a dataset or run as far as text goes: not empty, not
/// long, UTF-8 without NUL.
absl::Status CheckName(const std::string& name, const std::string& field);

/// Checks page_size and page_token of a listing.
absl::Status CheckPage(int32_t page_size, const std::string& page_token);

/// A known element type and a shape of 1 to 3 positive dimensions.
absl::StatusOr<ArraySpec> ToArraySpec(const v1::TensorSpec& spec,
                                      const std::string& field);

/// As ToArraySpec, with exactly the bytes the spec needs.
absl::StatusOr<ArraySpec> CheckTensor(const v1::Tensor& tensor,
                                      const std::string& field);
absl::StatusOr<HostArray> ToHostArray(const v1::Tensor& tensor,
                                      const std::string& field);

MeasureRequest ToMeasureRequest(const v1::MeasureSpec& spec);

using Measures = std::vector<std::shared_ptr<const Measure>>;

/// One measure; errors are those of CreateMeasure.
absl::StatusOr<std::shared_ptr<const Measure>> ToMeasure(
    const v1::MeasureSpec& spec, const std::string& field);

/// InvalidArgument, naming `field`.id and the measures that have a gradient,
/// for a measure without one.
absl::Status RequireGradient(const Measure& measure, const std::string& field);

/// At most kMaxMeasures.
absl::StatusOr<Measures> ToMeasures(
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& specs,
    const std::string& field);

v1::TensorSpec ToProto(const ArraySpec& spec);
/// Context and companion of a request, numbers checked later by the core.
absl::StatusOr<ScoreOptions> ToScoreOptions(const v1::ContextOptions& options);

/// Text checked; empty when there are none.
absl::StatusOr<std::vector<std::string>> ToRowIds(
    const google::protobuf::RepeatedPtrField<std::string>& ids);

v1::Score ToProto(const ScoreResult& score);
/// With context and companions.
void AddScores(const ScoreReport& report,
               google::protobuf::RepeatedPtrField<v1::Score>* scores);
/// `canonical` is the specification that these claims belong to.
v1::MeasureDescription ToProto(const MeasureInfo& info,
                               const std::string& canonical);
v1::CandidateSummary ToProto(const SideSummary& summary);

/// What a score or run on `dataset_version` is computed from and by.
v1::Provenance MakeProvenance(const std::string& dataset_version,
                              const std::string& dataset_digest,
                              const std::string& backend,
                              v1::Precision precision);

/// Microseconds since the epoch.
int64_t NowMicros();
void SetTimestamp(int64_t micros, google::protobuf::Timestamp* timestamp);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONVERT_H_
