#include "core/backend/cuda/tape.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/backend/backend.h"

namespace repscore::cuda {
namespace {

constexpr size_t kConstantBytes = size_t{256} << 10;
constexpr size_t kLargestTable = size_t{32} << 10;
constexpr size_t kSlots = 8;
// Work that nobody waits for is played in parts of this many.
constexpr size_t kMostWork = 2048;
// Launches that can be repeated.
constexpr size_t kLatest = 32;
// Segments of 64 members that take turns, with both places of their rows.
constexpr size_t kMostEntries = 512;

size_t Aligned(size_t bytes) {
  return (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
}

}  // namespace

Tape::Tape(const Device& device, cudaStream_t stream)
    : device_(device), stream_(stream) {
  try {
    Create();
  } catch (...) {
    Destroy();
    throw;
  }
}

Tape::~Tape() {
  Destroy();
}

void Tape::Create() {
  constants_ = static_cast<std::byte*>(device_.AllocateToKeep(
      kConstantBytes, "allocating memory for constants"));
  device_.Check(
      cudaMallocHost(reinterpret_cast<void**>(&host_), kSlots * kConstantBytes),
      "allocating page-locked host memory");
}

void Tape::Destroy() noexcept {
  while (!entries_.empty()) {
    Forget(entries_.begin());
  }
  cudaFree(constants_);
  cudaFreeHost(host_);
  cudaGetLastError();
}

size_t Tape::LargestTable() {
  return kLargestTable;
}

size_t Tape::DeviceBytes(const Table& table) {
  return Aligned(table.bytes);
}

void Tape::AddWord(int64_t word) {
  key_.push_back(word);
  // The finaliser of splitmix64.
  uint64_t mixed = hash_ ^ static_cast<uint64_t>(word);
  mixed = (mixed + 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  hash_ = mixed ^ (mixed >> 31U);
}

void Tape::Reserve(size_t bytes) {
  if (staged_.size() + bytes > kConstantBytes || work_.size() >= kMostWork) {
    Play();
  }
}

const std::byte* Tape::Put(const void* data, size_t bytes) {
  const size_t offset = staged_.size();
  staged_.resize(offset + Aligned(bytes));
  if (bytes > 0) {
    std::memcpy(staged_.data() + offset, data, bytes);
  }
  AddWord(static_cast<int64_t>(offset));
  return constants_ + offset;
}

const double* Tape::ForDevice(const Scalar& scalar) {
  return reinterpret_cast<const double*>(
      Put(&scalar.value, sizeof(scalar.value)));
}

const float* Tape::ForDevice(const SingleScalar& scalar) {
  const auto value = static_cast<float>(scalar.value);
  return reinterpret_cast<const float*>(Put(&value, sizeof(value)));
}

const void* Tape::ForDevice(const Table& table) {
  return Put(table.data, table.bytes);
}

Matrix Tape::ForDevice(const Written& written) {
  Matrix matrix = ForDevice(written.matrix);
  touched_.writes.push_back(touched_.reads.back());
  touched_.reads.pop_back();
  return matrix;
}

Matrix Tape::ForDevice(const Matrix& matrix) {
  touched_.reads.push_back(RegionOf(matrix));
  for (const int64_t word : {reinterpret_cast<int64_t>(matrix.data()),
                             matrix.rows(),
                             matrix.cols(),
                             matrix.stride(),
                             static_cast<int64_t>(matrix.type())}) {
    AddWord(word);
  }
  return {nullptr,
          matrix.data(),
          matrix.rows(),
          matrix.cols(),
          matrix.stride(),
          matrix.type()};
}

void Tape::Add(Work work, bool declares, const void* together) {
  touched_.fixed = !declares;
  touched_.kind = declares ? together : nullptr;
  operations_.push_back(touched_);
  ForgetTouched();
  work_.push_back(std::move(work));
}

void Tape::ForgetTouched() {
  touched_.reads.clear();
  touched_.writes.clear();
}

void Tape::Play() {
  if (work_.empty()) {
    return;
  }
  try {
    SendConstants();
    Run();
  } catch (...) {
    Clear();
    throw;
  }
  Clear();
}

void Tape::Clear() {
  work_.clear();
  operations_.clear();
  ForgetTouched();
  key_.clear();
  staged_.clear();
  hash_ = 0;
}

void Tape::SendConstants() {
  if (staged_.empty()) {
    return;
  }
  // Between two waits there are seldom more.
  if (sent_ - arrived_ >= kSlots) {
    device_.Check(cudaStreamSynchronize(stream_), "waiting for the device");
    arrived_ = sent_;
  }
  std::byte* const slot = host_ + sent_ % kSlots * kConstantBytes;
  ++sent_;
  std::memcpy(slot, staged_.data(), staged_.size());
  device_.Check(
      cudaMemcpyAsync(
          constants_, slot, staged_.size(), cudaMemcpyHostToDevice, stream_),
      "copying to the device");
}

void Tape::Run() {
  Entry* const entry = Find();
  if (entry == nullptr) {
    Enqueue();
    Remember();
    return;
  }
  if (entry->graph == nullptr && entry->records) {
    Record(*entry);
    entry->records = entry->graph != nullptr;
  }
  if (!entry->records) {
    Enqueue();
    return;
  }
  device_.Check(cudaGraphLaunch(entry->graph, stream_),
                "launching recorded work");
  ++replays_;
  replayed_ += static_cast<int64_t>(entry->nodes);
  if (latest_.size() == kLatest) {
    latest_.pop_front();
  }
  latest_.push_back({entry->graph, staged_});
}

bool Tape::Repeat(size_t count, int times) {
  if (count > latest_.size()) {
    return false;
  }
  std::byte* host = nullptr;
  device_.Check(
      cudaMallocHost(reinterpret_cast<void**>(&host), count * kConstantBytes),
      "allocating page-locked host memory");
  const size_t first = latest_.size() - count;
  for (size_t i = 0; i < count; ++i) {
    const std::vector<std::byte>& constants = latest_[first + i].constants;
    std::copy(constants.begin(), constants.end(), host + i * kConstantBytes);
  }
  for (int pass = 0; pass < times; ++pass) {
    for (size_t i = 0; i < count; ++i) {
      const Launch& launch = latest_[first + i];
      // Addresses among them: no launch may go without its own.
      device_.Check(cudaMemcpyAsync(constants_,
                                    host + i * kConstantBytes,
                                    launch.constants.size(),
                                    cudaMemcpyHostToDevice,
                                    stream_),
                    "copying to the device");
      device_.Check(cudaGraphLaunch(launch.graph, stream_),
                    "launching recorded work");
    }
  }
  device_.Check(cudaStreamSynchronize(stream_), "waiting for the device");
  device_.Check(cudaFreeHost(host), "freeing page-locked memory");
  return true;
}

void Tape::Enqueue() {
  for (const Work& work : work_) {
    work();
  }
}

void Tape::EnqueueArranged() {
  for (const std::vector<size_t>& group : Arrange(operations_)) {
    gathering_ = group.size() > 1;
    for (const size_t i : group) {
      work_[i]();
    }
    if (std::exchange(gathering_, false)) {
      device_.Check(gathered_.Launch(stream_), "launching kernels together");
    }
  }
}

Tape::Entry* Tape::Find() {
  const auto [first, last] = by_hash_.equal_range(hash_);
  const auto found = std::find_if(
      first, last, [&](const auto& item) { return item.second->key == key_; });
  if (found == last) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

void Tape::Remember() {
  entries_.push_front({.hash = hash_, .key = key_});
  by_hash_.emplace(hash_, entries_.begin());
  if (entries_.size() > kMostEntries) {
    Forget(std::prev(entries_.end()));
  }
}

void Tape::Forget(Entries::iterator entry) noexcept {
  std::erase_if(latest_, [&](const Launch& launch) {
    return launch.graph == entry->graph;
  });
  if (entry->graph != nullptr &&
      cudaGraphExecDestroy(entry->graph) != cudaSuccess) {
    cudaGetLastError();
  }
  const auto [first, last] = by_hash_.equal_range(entry->hash);
  const auto found = std::find_if(
      first, last, [&](const auto& item) { return item.second == entry; });
  if (found != last) {
    by_hash_.erase(found);
  }
  entries_.erase(entry);
}

void Tape::Record(Entry& entry) {
  cudaGraph_t graph = nullptr;
  bool recorded = false;
  if (cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal) ==
      cudaSuccess) {
    try {
      EnqueueArranged();
      recorded = true;
    } catch (const BackendError&) {
      // Enqueued again, without recording, it meets the error.
      gathering_ = false;
      gathered_ = {};
    }
    recorded = cudaStreamEndCapture(stream_, &graph) == cudaSuccess && recorded;
  }
  if (recorded &&
      (cudaGraphGetNodes(graph, nullptr, &entry.nodes) != cudaSuccess ||
       cudaGraphInstantiate(&entry.graph, graph, 0) != cudaSuccess)) {
    entry.graph = nullptr;
  }
  if (graph != nullptr) {
    cudaGraphDestroy(graph);
  }
  cudaGetLastError();
}

}  // namespace repscore::cuda
