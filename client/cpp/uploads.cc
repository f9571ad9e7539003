#include <algorithm>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "client/cpp/client.h"
#include "client/cpp/connection.h"
#include "core/base/digest.h"
#include "core/base/status_macros.h"

namespace repscore::client {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

using Scoring = v1::ScoringService::Stub;

// Writes a header message, then the bytes in chunks, and gives the call's
// status. A server that has seen enough ends the stream early.
template <typename Request>
grpc::Status Upload(grpc::ClientWriter<Request>& writer,
                    const Request& header,
                    absl::Span<const std::byte> bytes) {
  bool open = writer.Write(header);
  Request request;
  while (open && !bytes.empty()) {
    const size_t size = std::min(kChunkBytes, bytes.size());
    request.mutable_chunk()->set_data(bytes.data(), size);
    bytes.remove_prefix(size);
    open = writer.Write(request);
  }
  if (open) {
    writer.WritesDone();
  }
  return writer.Finish();
}

template <typename T>
void Assign(const std::vector<T>& from,
            google::protobuf::RepeatedPtrField<T>* to) {
  to->Assign(from.begin(), from.end());
}

// What a score is to be of, in either request for one.
template <typename Request>
void FillQuestion(std::string_view dataset,
                  absl::Span<const v1::MeasureSpec> measures,
                  const ScoreOptions& options,
                  Request& request) {
  request.set_dataset(std::string(dataset));
  request.mutable_measures()->Assign(measures.begin(), measures.end());
  *request.mutable_context() = options.context;
  Assign(options.row_ids, request.mutable_row_ids());
  request.set_device(options.device);
}

}  // namespace

absl::StatusOr<v1::RegisterDatasetResponse> Client::RegisterDataset(
    const RegisterDatasetOptions& options, const ArrayView& array) {
  v1::RegisterDatasetRequest request;
  v1::RegisterDatasetHeader& header = *request.mutable_header();
  header.set_dataset_id(options.dataset_id);
  *header.mutable_spec() = ToTensorSpec(array.spec);
  Assign(options.axes, header.mutable_axes());
  Assign(options.labels, header.mutable_labels());
  Assign(options.groups, header.mutable_groups());
  *header.mutable_metadata() = options.metadata;
  Assign(options.row_ids, header.mutable_row_ids());
  header.set_sha256(Sha256Hex(array.data));
  if (options.calibration.has_value()) {
    *header.mutable_calibration() = *options.calibration;
  }

  v1::RegisterDatasetResponse response;
  REPSCORE_RETURN_IF_ERROR(CallWithRetries(
      connection_->options.retry,
      /*repeatable=*/false,
      [&](grpc::ClientContext& context) {
        const auto writer =
            connection_->catalog->RegisterDataset(&context, &response);
        return Upload(*writer, request, array.data);
      }));
  return response;
}

absl::StatusOr<v1::ScoreResponse> Client::Score(
    std::string_view dataset,
    const ArrayView& candidate,
    absl::Span<const v1::MeasureSpec> measures,
    const ScoreOptions& options) {
  v1::ScoreResponse response;
  if (candidate.data.size() <= kMaxInlineBytes) {
    v1::ScoreRequest request;
    FillQuestion(dataset, measures, options, request);
    *request.mutable_candidate() = ToTensor(candidate);
    REPSCORE_RETURN_IF_ERROR(connection_->Compute(
        connection_->scoring, &Scoring::Score, request, response));
    return response;
  }

  v1::StreamScoreRequest request;
  v1::StreamScoreHeader& header = *request.mutable_header();
  FillQuestion(dataset, measures, options, header);
  *header.mutable_candidate() = ToTensorSpec(candidate.spec);
  v1::StreamScoreResponse streamed;
  REPSCORE_RETURN_IF_ERROR(CallWithRetries(
      connection_->options.retry,
      /*repeatable=*/false,
      [&](grpc::ClientContext& context) {
        const auto writer =
            connection_->scoring->StreamScore(&context, &streamed);
        return Upload(*writer, request, candidate.data);
      }));
  response.mutable_scores()->Swap(streamed.mutable_scores());
  response.mutable_provenance()->Swap(streamed.mutable_provenance());
  if (streamed.has_candidate()) {
    response.mutable_candidate()->Swap(streamed.mutable_candidate());
  }
  if (streamed.has_reference()) {
    response.mutable_reference()->Swap(streamed.mutable_reference());
  }
  return response;
}

absl::StatusOr<v1::ScoreResponse> Client::ScoreLayers(
    std::string_view dataset,
    absl::Span<const NamedArray> layers,
    absl::Span<const v1::MeasureSpec> measures,
    const ScoreOptions& options) {
  v1::ScoreRequest request;
  FillQuestion(dataset, measures, options, request);
  for (const NamedArray& layer : layers) {
    v1::Layer& item = *request.add_layers();
    item.set_name(layer.name);
    *item.mutable_candidate() = ToTensor(layer.array);
  }
  v1::ScoreResponse response;
  REPSCORE_RETURN_IF_ERROR(connection_->Compute(
      connection_->scoring, &Scoring::Score, request, response));
  return response;
}

}  // namespace repscore::client
