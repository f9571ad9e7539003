#include <utility>

#include "client/cpp/client.h"
#include "client/cpp/connection.h"
#include "core/base/status_macros.h"

namespace repscore::client {
namespace {

using Comparison = v1::ComparisonService::Stub;

// Reads a comparison's stream to its end, or until the observer stops.
grpc::Status ReadPairwise(
    grpc::ClientContext& context,
    grpc::ClientReader<v1::ComparePairwiseResponse>& reader,
    const PairwiseObserver& observer,
    v1::PairwiseResult& result) {
  v1::ComparePairwiseResponse response;
  bool has_result = false;
  while (reader.Read(&response)) {
    if (response.has_result()) {
      result.Swap(response.mutable_result());
      has_result = true;
    } else if (response.has_progress() && observer != nullptr &&
               !observer(response.progress())) {
      context.TryCancel();
      reader.Finish();
      return {grpc::StatusCode::CANCELLED, "the comparison was stopped"};
    }
  }
  grpc::Status status = reader.Finish();
  if (status.ok() && !has_result) {
    return {grpc::StatusCode::INTERNAL,
            "the server ended the comparison without a result"};
  }
  return status;
}

}  // namespace

absl::StatusOr<v1::CompareResponse> Client::Compare(
    const ArrayView& candidate,
    const ArrayView& reference,
    absl::Span<const v1::MeasureSpec> measures,
    const v1::ContextOptions& context,
    std::string_view device) {
  v1::CompareRequest request;
  *request.mutable_candidate() = ToTensor(candidate);
  *request.mutable_reference() = ToTensor(reference);
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  *request.mutable_context() = context;
  request.set_device(std::string(device));
  v1::CompareResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->comparison, &Comparison::Compare, request, response));
  return response;
}

absl::StatusOr<v1::PairwiseResult> Client::ComparePairwise(
    const v1::ComparePairwiseRequest& request,
    const PairwiseObserver& observer) {
  v1::PairwiseResult result;
  REPSCORE_RETURN_IF_ERROR(CallWithRetries(
      connection_->options.retry,
      /*repeatable=*/true,
      [&](grpc::ClientContext& context) {
        const auto reader =
            connection_->comparison->ComparePairwise(&context, request);
        return ReadPairwise(context, *reader, observer, result);
      }));
  return result;
}

absl::StatusOr<v1::EmbedDistancesResponse> Client::EmbedDistances(
    const v1::EmbedDistancesRequest& request) {
  v1::EmbedDistancesResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->comparison, &Comparison::EmbedDistances, request, response));
  return response;
}

absl::StatusOr<v1::ComputeFrechetMeanResponse> Client::ComputeFrechetMean(
    const v1::ComputeFrechetMeanRequest& request) {
  v1::ComputeFrechetMeanResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(connection_->comparison,
                                                &Comparison::ComputeFrechetMean,
                                                request,
                                                response));
  return response;
}

absl::StatusOr<v1::AggregateScoresResponse> Client::AggregateScores(
    const v1::AggregateScoresRequest& request) {
  v1::AggregateScoresResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(connection_->comparison,
                                                &Comparison::AggregateScores,
                                                request,
                                                response));
  return response;
}

}  // namespace repscore::client
