#include "server/runs/read_array_stream.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

#include "core/base/status_macros.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;

class ReadArrayStream final
    : public grpc::ServerWriteReactor<v1::ReadRunArrayResponse>,
      public Call {
 public:
  ReadArrayStream(Parts& parts,
                  RunManager& runs,
                  const grpc::CallbackServerContext& context,
                  const v1::ReadRunArrayRequest& request)
      : Call(parts.calls, context, "ReadRunArray"),
        parts_(parts),
        runs_(runs),
        request_(request) {}

  void Start() {
    absl::Status status = Enter();
    if (status.ok()) {
      status = parts_.disk.Submit([this] { Open(); });
    }
    if (!status.ok()) {
      Finish(Outcome(status));
    }
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      Finish(Outcome(absl::CancelledError("the reader is gone")));
      return;
    }
    WriteNext();
  }

  void OnCancel() override { is_aborted_ = true; }
  void Abort(const absl::Status& /*status*/) override { is_aborted_ = true; }

  void OnDone() override {
    Leave();
    delete this;
  }

 private:
  void Open() {
    const absl::Status status = NoThrow([this]() -> absl::Status {
      REPSCORE_ASSIGN_OR_RETURN(array_, runs_.ReadArray(request_.name()));
      return absl::OkStatus();
    });
    if (!status.ok()) {
      Finish(Outcome(status));
      return;
    }
    WriteNext();
  }

  /// The only one that touches the array: writes follow one another.
  void WriteNext() {
    const std::vector<std::byte>& bytes = array_.record->bytes;
    // An array without elements has one chunk, too: its spec.
    const bool is_over = offset_ >= bytes.size() && has_written_;
    if (is_over || is_aborted_) {
      Finish(Outcome(is_over ? absl::OkStatus() : DrainingError()));
      return;
    }
    const size_t size = std::min(kChunkBytes, bytes.size() - offset_);
    v1::CandidateChunk* chunk = response_.mutable_chunk();
    *chunk->mutable_spec() = array_.spec;
    chunk->set_offset(static_cast<int64_t>(offset_));
    chunk->set_data(bytes.data() + offset_, size);
    offset_ += size;
    has_written_ = true;
    StartWrite(&response_);
  }

  Parts& parts_;
  RunManager& runs_;
  const v1::ReadRunArrayRequest& request_;
  std::atomic<bool> is_aborted_ = false;
  RunManager::RunArray array_;
  size_t offset_ = 0;
  bool has_written_ = false;
  v1::ReadRunArrayResponse response_;
};

}  // namespace

grpc::ServerWriteReactor<v1::ReadRunArrayResponse>* StartReadRunArray(
    Parts& parts,
    RunManager& runs,
    grpc::CallbackServerContext* context,
    const v1::ReadRunArrayRequest* request) {
  auto* stream = new ReadArrayStream(parts, runs, *context, *request);
  stream->Start();
  return stream;
}

}  // namespace repscore::server
