#include "server/stream_score_call.h"

#include <memory>
#include <string>

#include "core/base/status_macros.h"
#include "server/scoring.h"
#include "server/upload_call.h"

namespace repscore::server {
namespace {

class StreamScoreCall final : public UploadCall<v1::StreamScoreRequest> {
 public:
  StreamScoreCall(Parts& parts,
                  const grpc::CallbackServerContext& context,
                  v1::StreamScoreResponse* response)
      : UploadCall(parts, context, "StreamScore"), response_(response) {}

 protected:
  absl::Status Schedule() override {
    if (task_ == nullptr) {
      return parts().disk.Submit([this] { Work(); });
    }
    return SubmitJob(parts().scheduler,
                     JobClass::kInteractive,
                     std::make_shared<SliceJob>(this, lane_index_));
  }

  absl::Status Open(const v1::StreamScoreRequest& message) override {
    const v1::StreamScoreHeader& header = message.header();
    REPSCORE_ASSIGN_OR_RETURN(
        ScoreTask task, PrepareScore(parts(), header, header.candidate()));
    REPSCORE_RETURN_IF_ERROR(LoadCalibration(parts(), header, task));
    task_ = std::make_unique<ScoreTask>(std::move(task));
    return absl::OkStatus();
  }

  absl::Status Consume(const std::string& bytes) override {
    REPSCORE_RETURN_IF_ERROR(OpenStream());
    return stream_->Append(BytesOf(bytes));
  }

  absl::Status Complete() override {
    REPSCORE_RETURN_IF_ERROR(OpenStream());
    REPSCORE_ASSIGN_OR_RETURN(const ScoreReport report, stream_->Finish());
    WriteScores(*task_, lane_->backend.name(), report, response_);
    return absl::OkStatus();
  }

  void Release() override { stream_.reset(); }

 private:
  /// Runs Work() on the lane that holds the stream.
  class SliceJob final : public Job {
   public:
    SliceJob(StreamScoreCall* call, int lane_index)
        : call_(call), lane_index_(lane_index) {}

    Next RunSlice(LaneContext& lane) override {
      call_->lane_ = &lane;
      call_->lane_index_ = lane.index;
      return call_->Work() ? Next::kAgain : Next::kDone;
    }
    int lane() const override { return lane_index_; }
    void Abandon(const absl::Status& /*reason*/) override {
      call_->End(DrainingError());
    }

   private:
    StreamScoreCall* call_;
    const int lane_index_;
  };

  absl::Status OpenStream() {
    if (stream_ != nullptr) {
      return absl::OkStatus();
    }
    REPSCORE_ASSIGN_OR_RETURN(stream_,
                              OpenScore(parts(), *lane_, *task_, cancel()));
    return absl::OkStatus();
  }

  v1::StreamScoreResponse* const response_;
  std::unique_ptr<ScoreTask> task_;
  std::unique_ptr<ScoreStream> stream_;
  LaneContext* lane_ = nullptr;
  int lane_index_ = -1;
};

}  // namespace

grpc::ServerReadReactor<v1::StreamScoreRequest>* StartStreamScore(
    Parts& parts,
    grpc::CallbackServerContext* context,
    v1::StreamScoreResponse* response) {
  auto* call = new StreamScoreCall(parts, *context, response);
  call->Start();
  return call;
}

}  // namespace repscore::server
