#include "core/backend/cuda/step_graph.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "core/backend/backend.h"

namespace repscore::cuda {
namespace {

// Both iterates of 64 members that take turns, and of both sides where those
// move.
constexpr size_t kMostEntries = 256;

}  // namespace

StepGraphs::StepGraphs(std::shared_ptr<Queue> queue)
    : queue_(std::move(queue)) {}

StepGraphs::~StepGraphs() {
  queue_->device().EnterQuietly();
  while (!entries_.empty()) {
    Forget(entries_.begin());
  }
}

void StepGraphs::Forget(std::list<Entry>::iterator entry) noexcept {
  if (entry->graph != nullptr &&
      cudaGraphExecDestroy(entry->graph) != cudaSuccess) {
    cudaGetLastError();
  }
  entries_.erase(entry);
}

StepGraphs::Entry* StepGraphs::Find(const Key& key) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.key == key;
      });
  if (found == entries_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front();
}

cudaGraphExec_t StepGraphs::Record(const std::function<void()>& enqueue) {
  const cudaStream_t stream = queue_->stream();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  bool recorded = false;
  {
    const std::lock_guard<std::mutex> lock(queue_->mutex());
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) ==
        cudaSuccess) {
      try {
        enqueue();
        recorded = true;
      } catch (const BackendError&) {
        // The caller enqueues again, without recording, and meets the error.
      }
      recorded =
          cudaStreamEndCapture(stream, &graph) == cudaSuccess && recorded;
    }
  }
  if (recorded && cudaGraphInstantiate(&executable, graph, 0) != cudaSuccess) {
    executable = nullptr;
  }
  if (graph != nullptr) {
    cudaGraphDestroy(graph);
  }
  cudaGetLastError();
  return executable;
}

void StepGraphs::Run(const Key& key, const std::function<void()>& enqueue) {
  if (!enabled_) {
    enqueue();
    return;
  }
  Entry* entry = Find(key);
  if (entry == nullptr) {
    enqueue();
    entries_.push_front({key, nullptr});
    if (entries_.size() > kMostEntries) {
      Forget(std::prev(entries_.end()));
    }
    return;
  }
  if (entry->graph == nullptr) {
    entry->graph = Record(enqueue);
  }
  if (entry->graph == nullptr) {
    enabled_ = false;
    enqueue();
    return;
  }
  queue_->device().Check(cudaGraphLaunch(entry->graph, queue_->stream()),
                         "launching a recorded step");
  ++replays_;
}

}  // namespace repscore::cuda
