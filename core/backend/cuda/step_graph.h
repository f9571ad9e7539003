// Work that is enqueued again and again with the same arguments, recorded once
// as a CUDA graph and launched as a whole from then on.
//
// Used by the backend's thread alone.
#ifndef REPSCORE_CORE_BACKEND_CUDA_STEP_GRAPH_H_
#define REPSCORE_CORE_BACKEND_CUDA_STEP_GRAPH_H_

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "core/backend/cuda/queue.h"

namespace repscore::cuda {

class StepGraphs {
 public:
  /// Everything that the enqueued work depends on: addresses, shapes, factors.
  using Key = std::vector<int64_t>;

  explicit StepGraphs(std::shared_ptr<Queue> queue);
  ~StepGraphs();
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;

  /// Does what `enqueue` would do on the queue's stream: runs it when the key
  /// is new, records it when the key comes again, and launches the record from
  /// then on. Where recording fails it runs `enqueue`, now and always.
  /// `enqueue` must neither allocate nor wait, nor look at anything that is not
  /// in the key.
  void Run(const Key& key, const std::function<void()>& enqueue);

  /// Launches of a recorded graph so far.
  int64_t replays() const { return replays_; }
  bool enabled() const { return enabled_; }

 private:
  struct Entry {
    Key key;
    cudaGraphExec_t graph = nullptr;
  };

  Entry* Find(const Key& key);
  cudaGraphExec_t Record(const std::function<void()>& enqueue);
  void Forget(std::list<Entry>::iterator entry) noexcept;

  const std::shared_ptr<Queue> queue_;
  /// The one used last comes first.
  std::list<Entry> entries_;
  bool enabled_ = true;
  int64_t replays_ = 0;
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_STEP_GRAPH_H_
