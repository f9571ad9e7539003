#include "server/experiments/decoding_task.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/convert.h"
#include "server/convert_decoding.h"
#include "server/error.h"
#include "server/experiments/convert_analysis.h"
#include "server/experiments/stored_results.h"
#include "server/memory.h"
#include "server/scoring.h"

namespace repscore::server {
namespace {

/// The number names the algorithm: raised when it changes.
constexpr char kKind[] = "decoding/1";
constexpr int32_t kMaxRepeats = 100;
constexpr int kMaxProjections = 1000;

}  // namespace

absl::Status DecodingTask::Prepare() {
  REPSCORE_RETURN_IF_ERROR(CheckName(request_.dataset(), "dataset"));
  REPSCORE_ASSIGN_OR_RETURN(task_.options,
                            ToDecodingOptions(request_.decoding(), "decoding"));
  task_.repeats = request_.has_repeats() ? request_.repeats() : 1;
  if (task_.repeats < 1 || task_.repeats > kMaxRepeats) {
    return FieldError(
        "repeats",
        absl::StrCat("must be in [1, ", kMaxRepeats, "], is ", task_.repeats));
  }
  if (request_.components_size() > kMaxProjections) {
    return FieldError("components",
                      absl::StrCat("has ",
                                   request_.components_size(),
                                   " numbers, at most ",
                                   kMaxProjections,
                                   " are allowed"));
  }
  task_.components = {request_.components().begin(),
                      request_.components().end()};
  REPSCORE_ASSIGN_OR_RETURN(
      dataset_, LoadDataset(parts_.catalog, request_.dataset(), "dataset"));
  for (int i = 0; i < request_.components_size(); ++i) {
    const int32_t count = request_.components(i);
    if (count < 1 || count > dataset_->features()) {
      return FieldError(
          absl::StrCat("components[", i, "]"),
          absl::StrCat(
              "must be in [1, ", dataset_->features(), "], is ", count));
    }
  }
  REPSCORE_ASSIGN_OR_RETURN(LabelDecoders decoders,
                            MakeDecoders(*dataset_,
                                         {request_.decoding().labels().begin(),
                                          request_.decoding().labels().end()},
                                         task_.options,
                                         "decoding"));
  for (const auto& decoder : decoders.decoders) {
    task_.labels.push_back(decoder->label());
  }
  notes_ = std::move(decoders.notes);
  stored_.resize(task_.labels.size());
  if (request_.has_candidate()) {
    return ReadCandidate();
  }
  for (size_t i = 0; i < task_.labels.size(); ++i) {
    auto found = FindResult<v1::LabelDecoding>(
        parts_.catalog, dataset_->digest, kKind, KeyOf(task_.labels[i]));
    if (found.ok()) {
      stored_[i] = *std::move(found);
    }
  }
  return absl::OkStatus();
}

absl::Status DecodingTask::ReadCandidate() {
  REPSCORE_ASSIGN_OR_RETURN(candidate_,
                            ToHostArray(request_.candidate(), "candidate"));
  if (RowCount(candidate_->spec) == dataset_->rows()) {
    return absl::OkStatus();
  }
  return WithReason(FieldError("candidate.spec.shape",
                               absl::StrCat(ToString(candidate_->spec),
                                            " has ",
                                            RowCount(candidate_->spec),
                                            " rows, but ",
                                            dataset_->name,
                                            " has ",
                                            dataset_->rows())),
                    "SHAPE_MISMATCH");
}

JobNeeds DecodingTask::needs() const {
  JobNeeds needs = DecodingNeeds(
      *dataset_, candidate_.has_value() ? FeatureCount(candidate_->spec) : 0);
  needs.device = request_.device();
  return needs;
}

std::string DecodingTask::KeyOf(const std::string& label) const {
  v1::DecodeLabelsRequest key;
  *key.mutable_decoding() = request_.decoding();
  key.mutable_decoding()->clear_labels();
  key.mutable_decoding()->add_labels(label);
  *key.mutable_components() = request_.components();
  key.set_repeats(static_cast<int32_t>(task_.repeats));
  return key.SerializeAsString();
}

absl::StatusOr<bool> DecodingTask::ComputePart(
    LaneContext& lane,
    const CancelToken& cancel,
    v1::DecodeLabelsResponse* response) {
  if (next_ < task_.labels.size()) {
    const std::string& label = task_.labels[next_];
    if (stored_[next_].has_value()) {
      *response->add_labels() = *stored_[next_];
    } else {
      REPSCORE_ASSIGN_OR_RETURN(const auto reference,
                                parts_.references.Get(lane, dataset_));
      LabelDecodingRequest one = task_;
      one.labels = {label};
      REPSCORE_ASSIGN_OR_RETURN(
          const LabelDecodings decodings,
          repscore::DecodeLabels(
              *reference,
              candidate_.has_value() ? &*candidate_ : nullptr,
              one,
              [&lane, &cancel] {
                lane.Yield();
                return cancel.Check();
              }));
      for (const LabelDecoding& decoding : decodings.labels) {
        *response->add_labels() = ToProto(decoding);
      }
      if (!candidate_.has_value()) {
        KeepResult(parts_.catalog,
                   parts_.disk,
                   dataset_->digest,
                   kKind,
                   KeyOf(label),
                   response->labels(response->labels_size() - 1));
      }
    }
    ++next_;
  }
  if (next_ < task_.labels.size()) {
    return false;
  }
  AddNotes(notes_, response->mutable_notes());
  *response->mutable_provenance() = MakeProvenance(dataset_->name,
                                                   dataset_->digest,
                                                   lane.backend.name(),
                                                   v1::PRECISION_FLOAT64);
  return true;
}

}  // namespace repscore::server
