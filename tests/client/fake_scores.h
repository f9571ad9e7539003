// Canned scores, descriptions and estimates of a scripted server.
#ifndef REPSCORE_TESTS_CLIENT_FAKE_SCORES_H_
#define REPSCORE_TESTS_CLIENT_FAKE_SCORES_H_

#include <string>

#include "repscore/v1/scoring.pb.h"

namespace repscore::client {

/// "cka" is "cka(canonical=yes)", which is itself.
std::string Canonical(const std::string& id);

/// 0.123..., 0.373... and so on, the first with a warning, "halves" with an
/// error, each with the context that is asked for. A ceiling from one split
/// is a note.
void FillScores(
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& measures,
    const v1::ContextOptions& context,
    google::protobuf::RepeatedPtrField<v1::Score>* scores);

template <typename Request>
void FillScores(const Request& request,
                google::protobuf::RepeatedPtrField<v1::Score>* scores) {
  FillScores(request.measures(), request.context(), scores);
}

void FillProvenance(const std::string& dataset, v1::Provenance& provenance);

/// Rows and features of an array of rank 2.
void Summarize(const v1::TensorSpec& spec, v1::CandidateSummary& summary);

/// A summary of 12 rows and 3 features, for requests with row ids.
template <typename Request, typename Response>
void FillReference(const Request& request, Response& response) {
  if (!request.row_ids().empty()) {
    response.mutable_reference()->set_rows(12);
    response.mutable_reference()->set_features(3);
    response.mutable_reference()->set_effective_dimensionality(2.5);
  }
}

v1::MeasureDescription ShapeEuclidean();

/// ShapeEuclidean by its names, anything else with little to say of it.
v1::MeasureDescription DescriptionOf(const std::string& id);

/// 250 ms.
v1::EstimateScoreResponse CannedEstimate();

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_FAKE_SCORES_H_
