#include "tests/support/cuda_emulation/emulation.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "tests/support/cuda_emulation/world.h"

namespace repscore::cuda_emulation {
namespace {

void RunOldest(Stream& stream) {
  World& world = TheWorld();
  Work work = std::move(stream.work.front());
  stream.work.pop_front();
  if (world.next_failure != cudaSuccess) {
    world.sticky = std::exchange(world.next_failure, cudaSuccess);
  }
  if (world.sticky == cudaSuccess) {
    work();
  }
}

/// Runs the stream up to where the event was recorded for the `count`th time.
void DrainUntil(EventState& event, Stream* stream, uint64_t count) {
  while (event.done < count && stream != nullptr && !stream->work.empty()) {
    RunOldest(*stream);
  }
}

}  // namespace

World& TheWorld() {
  static World& world = *new World();
  return world;
}

void Drain(Stream& stream) {
  while (!stream.work.empty()) {
    RunOldest(stream);
  }
}

bool BreaksCapture(cudaStream_t stream) {
  if (stream->recording != nullptr) {
    stream->recording->broken = true;
    return true;
  }
  return false;
}

Settings& TheSettings() {
  return TheWorld().settings;
}

void Reset() {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  world.settings = Settings();
  world.counts = Counts();
  world.allocations_to_fail = world.products_to_spoil = 0;
  world.next_failure = world.sticky = cudaSuccess;
}

void FailAllocations(int count) {
  const Lock lock(TheWorld().mutex);
  TheWorld().allocations_to_fail = count;
}

void FailNextWork(cudaError_t error) {
  const Lock lock(TheWorld().mutex);
  TheWorld().next_failure = error;
}

void SpoilProducts(int count) {
  const Lock lock(TheWorld().mutex);
  TheWorld().products_to_spoil = count;
}

bool TakeSpoiledProduct() {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  if (world.products_to_spoil == 0) {
    return false;
  }
  --world.products_to_spoil;
  return true;
}

Counts TheCounts() {
  const Lock lock(TheWorld().mutex);
  Counts counts = TheWorld().counts;
  if (TheWorld().pool != nullptr) {
    counts.live_bytes = static_cast<int64_t>(TheWorld().pool->live_bytes);
  }
  return counts;
}

cudaError_t Enqueue(cudaStream_t stream, Work work) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  if (world.sticky != cudaSuccess) {
    return world.sticky;
  }
  if (stream->recording != nullptr) {
    stream->recording->work.push_back(std::move(work));
  } else {
    stream->work.push_back(std::move(work));
  }
  return cudaSuccess;
}

}  // namespace repscore::cuda_emulation

// The names are those of CUDA.
// NOLINTBEGIN(readability-identifier-naming,google-build-using-namespace)

using namespace repscore::cuda_emulation;

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    default:
      return "emulated error";
  }
}

cudaError_t cudaGetLastError() {
  return TheWorld().sticky;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = TheSettings().devices;
  return *count == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t cudaSetDevice(int /*device*/) {
  return TheWorld().sticky;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties,
                                    int /*device*/) {
  *properties = {};
  std::snprintf(properties->name, sizeof(properties->name), "emulated device");
  properties->totalGlobalMem = TheSettings().memory_bytes;
  properties->major = TheSettings().compute_major;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value,
                                   cudaDeviceAttr attribute,
                                   int /*device*/) {
  *value = attribute == cudaDevAttrMemoryPoolsSupported
               ? 1
               : TheSettings().float64_ratio;
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream,
                                      unsigned /*flags*/) {
  const Lock lock(TheWorld().mutex);
  *stream = new Stream();
  TheWorld().streams.push_back(*stream);
  return TheWorld().sticky;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  Drain(*stream);
  for (const auto& [bytes, blocks] : stream->idle) {
    for (void* block : blocks) {
      world.pool->idle_bytes -= bytes;
      std::free(block);
    }
  }
  world.streams.erase(
      std::find(world.streams.begin(), world.streams.end(), stream));
  delete stream;
  return world.sticky;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(TheWorld().mutex);
  if (BreaksCapture(stream)) {
    return cudaErrorStreamCaptureUnsupported;
  }
  ++TheWorld().counts.host_waits;
  Drain(*stream);
  return TheWorld().sticky;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream,
                                cudaEvent_t event,
                                unsigned /*flags*/) {
  const Lock lock(TheWorld().mutex);
  return Enqueue(
      stream,
      [state = event->state,
       from = event->state->stream,
       count = event->state->recorded] { DrainUntil(*state, from, count); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  *event = new Event();
  return TheWorld().sticky;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return TheWorld().sticky;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(TheWorld().mutex);
  EventState& state = *event->state;
  ++state.recorded;
  state.stream = stream;
  return Enqueue(stream, [kept = event->state, count = state.recorded] {
    kept->done = std::max(kept->done, count);
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock(TheWorld().mutex);
  if (TheWorld().sticky != cudaSuccess) {
    return TheWorld().sticky;
  }
  return event->state->done == event->state->recorded ? cudaSuccess
                                                      : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(TheWorld().mutex);
  ++TheWorld().counts.host_waits;
  EventState& state = *event->state;
  DrainUntil(state, state.stream, state.recorded);
  return TheWorld().sticky;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream,
                                   cudaStreamCaptureMode /*mode*/) {
  const Lock lock(TheWorld().mutex);
  stream->recording = std::make_unique<Graph>();
  return TheWorld().sticky;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  World& world = TheWorld();
  const Lock lock(world.mutex);
  const std::unique_ptr<Graph> recorded = std::move(stream->recording);
  if (recorded->broken || world.settings.captures_fail) {
    return cudaErrorStreamCaptureUnsupported;
  }
  ++world.counts.captures;
  *graph = new Graph(*recorded);
  return world.sticky;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph,
                              cudaGraphNode_t* /*nodes*/,
                              size_t* count) {
  *count = graph->work.size();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable,
                                 cudaGraph_t graph,
                                 uint64_t /*flags*/) {
  *executable = new Executable{graph->work};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const Work& work : executable->work) {
    if (const cudaError_t error = Enqueue(stream, work); error != cudaSuccess) {
      return error;
    }
  }
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

// NOLINTEND(readability-identifier-naming,google-build-using-namespace)
