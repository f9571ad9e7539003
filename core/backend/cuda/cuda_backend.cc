// Construction, memory, and the ways between host and device.
#include "core/backend/cuda/cuda_backend.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <utility>

#include "core/backend/cuda/checks.h"
#include "core/backend/cuda/memory.h"
#include "core/base/parallel.h"

namespace repscore::cuda {
namespace {

// Vectors, coefficients and results of reductions on one side, rows on the
// other.
constexpr int kSmallSlots = 32;
constexpr int64_t kSmallSlotBytes = int64_t{32} << 10;
constexpr int kLargeSlots = 4;
constexpr int64_t kLargeSlotBytes = int64_t{8} << 20;

// One thread copies several times slower than the bus: staged elements are
// copied by several, in parts of this many.
constexpr int64_t kCopiedAtOnce = int64_t{64} << 10;

/// Calls body(first, count) over all elements, on up to `threads` threads.
template <typename Body>
void ForParts(int64_t elements, int threads, const Body& body) {
  const int64_t parts = (elements + kCopiedAtOnce - 1) / kCopiedAtOnce;
  ForEach(parts, threads, [&](int64_t part) {
    const int64_t first = part * kCopiedAtOnce;
    body(first, std::min(kCopiedAtOnce, elements - first));
  });
}

/// Elements [first, first + count) as the scalar type of the device matrix.
void Narrow(absl::Span<const double> elements,
            int64_t first,
            int64_t count,
            ScalarType type,
            int threads,
            std::byte* out) {
  ForParts(count, threads, [&](int64_t at, int64_t part) {
    const double* const from = elements.data() + first + at;
    if (type == ScalarType::kFloat64) {
      std::memcpy(out + at * ScalarSize(type),
                  from,
                  static_cast<size_t>(part) * sizeof(double));
      return;
    }
    auto* const to = reinterpret_cast<float*>(out) + at;
    std::transform(from, from + part, to, [](double value) {
      return static_cast<float>(value);
    });
  });
}

void Widen(const std::byte* in,
           ScalarType type,
           int64_t first,
           int64_t count,
           int threads,
           absl::Span<double> elements) {
  ForParts(count, threads, [&](int64_t at, int64_t part) {
    double* const to = elements.data() + first + at;
    if (type == ScalarType::kFloat64) {
      std::memcpy(to,
                  in + at * ScalarSize(type),
                  static_cast<size_t>(part) * sizeof(double));
      return;
    }
    const auto* const from = reinterpret_cast<const float*>(in) + at;
    std::copy(from, from + part, to);
  });
}

bool IsContiguous(const Matrix& a) {
  return a.cols() == 1 || a.stride() == a.rows();
}

}  // namespace

CudaBackend::CudaBackend(std::shared_ptr<Device> device, int threads)
    : queue_(std::make_shared<Queue>(std::move(device))),
      threads_(std::max(1, threads)),
      small_ring_(queue_, kSmallSlots, kSmallSlotBytes),
      large_ring_(queue_, kLargeSlots, kLargeSlotBytes) {}

CudaBackend::~CudaBackend() = default;

std::unique_ptr<Backend> CudaBackend::Sibling(int threads) const {
  return std::make_unique<CudaBackend>(queue_->shared_device(), threads);
}

void CudaBackend::Begin(std::initializer_list<const Matrix*> reads,
                        std::initializer_list<const Matrix*> writes) {
  device().Enter();
  for (const Matrix* matrix : reads) {
    BeforeRead(queue_, *matrix);
  }
  for (const Matrix* matrix : writes) {
    BeforeWrite(queue_, *matrix);
  }
}

std::optional<double> CudaBackend::SecondsOfReplays(int64_t launches) {
  constexpr int kPasses = 20;
  const auto count = static_cast<size_t>(launches);
  if (count == 0 || !queue_->Repeat(count, 1)) {
    return std::nullopt;
  }
  const auto start = std::chrono::steady_clock::now();
  queue_->Repeat(count, kPasses);
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  return taken.count() / kPasses;
}

Matrix CudaBackend::Allocate(int64_t rows, int64_t cols, ScalarType type) {
  device().Enter();
  std::shared_ptr<void> buffer =
      AllocateBuffer(queue_, rows * cols * ScalarSize(type));
  void* data = buffer.get();
  return {
      std::move(buffer), data, rows, cols, std::max<int64_t>(1, rows), type};
}

StagingRing& CudaBackend::RingFor(int64_t bytes) {
  return bytes <= kSmallSlotBytes ? small_ring_ : large_ring_;
}

void CudaBackend::Upload(absl::Span<const double> elements, const Matrix& out) {
  Require(static_cast<int64_t>(elements.size()) == out.size(), "Upload");
  Begin({}, {&out});
  if (static_cast<size_t>(out.bytes()) <= Tape::LargestTable()) {
    std::vector<std::byte> packed(static_cast<size_t>(out.bytes()));
    Narrow(elements, 0, out.size(), out.type(), 1, packed.data());
    queue_->Launch<Unpack>("uploading",
                           Table{packed.data(), packed.size()},
                           int64_t{0},
                           out.size(),
                           out);
    return;
  }
  const cudaStream_t stream = StreamAfterTape();
  StagingRing& ring = RingFor(out.bytes());
  const int64_t most = ring.slot_bytes() / ScalarSize(out.type());
  for (int64_t first = 0; first < out.size(); first += most) {
    const int64_t count = std::min(most, out.size() - first);
    StagingRing::Slot& slot = ring.Acquire();
    Narrow(elements, first, count, out.type(), threads_, slot.host);
    ring.Send(slot, count * ScalarSize(out.type()));
    Check(Unpack(stream, slot.device, first, count, out), "uploading");
    ring.Release(slot);
  }
}

void CudaBackend::Download(const Matrix& in, absl::Span<double> elements) {
  Require(static_cast<int64_t>(elements.size()) == in.size(), "Download");
  Begin({&in}, {});
  const cudaStream_t stream = StreamAfterTape();
  struct Part {
    StagingRing::Slot* slot;
    int64_t first;
    int64_t count;
  };
  StagingRing& ring = RingFor(in.bytes());
  const int64_t size = ScalarSize(in.type());
  const int64_t most = ring.slot_bytes() / size;
  std::deque<Part> on_their_way;
  const auto take = [&] {
    const Part part = on_their_way.front();
    on_their_way.pop_front();
    queue_->WaitFor(part.slot->released);
    Widen(
        part.slot->host, in.type(), part.first, part.count, threads_, elements);
  };
  for (int64_t first = 0; first < in.size(); first += most) {
    if (on_their_way.size() == ring.depth()) {
      take();
    }
    const int64_t count = std::min(most, in.size() - first);
    StagingRing::Slot& slot = ring.Acquire();
    const void* from = static_cast<const std::byte*>(in.data()) + first * size;
    if (!IsContiguous(in)) {
      Check(Pack(stream, in, first, count, slot.device), "downloading");
      from = slot.device;
    }
    ring.Fetch(slot, from, count * size);
    on_their_way.push_back({&slot, first, count});
  }
  while (!on_their_way.empty()) {
    take();
  }
}

Matrix CudaBackend::Results(int64_t count) {
  double* const results = queue_->Results(count);
  return results == nullptr
             ? Vector(count)
             : Matrix(nullptr, results, count, 1, count, ScalarType::kFloat64);
}

std::vector<double> CudaBackend::Take(const Matrix& results) {
  const auto count = static_cast<size_t>(results.size());
  double* const on_host = queue_->Results(results.size());
  if (results.data() != on_host) {
    return Fetch(results);
  }
  queue_->WaitForResults();
  return {on_host, on_host + count};
}

std::vector<double> CudaBackend::Fetch(const Matrix& vector) {
  std::vector<double> values(static_cast<size_t>(vector.size()));
  Download(vector, absl::MakeSpan(values));
  return values;
}

void CudaBackend::Copy(const Matrix& in, const Matrix& out) {
  Require(SameShape(in, out), "Copy");
  Begin({&in}, {&out});
  EnqueueCopy(in, out);
}

void CudaBackend::EnqueueCopy(const Matrix& in, const Matrix& out) {
  queue_->Launch<CopyElements>("copying", in, Written{out});
}

Matrix CudaBackend::As(const Matrix& a, ScalarType type) {
  if (a.type() == type) {
    return a;
  }
  Matrix converted = Allocate(a.rows(), a.cols(), type);
  Copy(a, converted);
  return converted;
}

void CudaBackend::Fill(double value, const Matrix& out) {
  Begin({}, {&out});
  EnqueueFill(value, out);
}

void CudaBackend::EnqueueFill(double value, const Matrix& out) {
  queue_->Launch<FillElements>("filling", value, Written{out});
}

void CudaBackend::GatherRows(const Matrix& in,
                             absl::Span<const int64_t> indices,
                             const Matrix& out) {
  Require(static_cast<int64_t>(indices.size()) == out.rows() &&
              in.cols() == out.cols() && in.type() == out.type(),
          "GatherRows");
  Begin({&in}, {&out});
  constexpr auto kIndexBytes = static_cast<int64_t>(sizeof(int64_t));
  const size_t bytes = indices.size() * sizeof(int64_t);
  if (bytes <= Tape::LargestTable()) {
    queue_->Do(
        "gathering rows",
        [](Queue& queue,
           const Matrix& from,
           const void* rows,
           const Matrix& to) {
          return GatherElements(
              queue.launcher(), from, static_cast<const int64_t*>(rows), to);
        },
        in,
        Table{indices.data(), bytes},
        out);
    return;
  }
  const cudaStream_t stream = StreamAfterTape();
  StagingRing& ring = RingFor(out.rows() * kIndexBytes);
  const int64_t most = ring.slot_bytes() / kIndexBytes;
  for (int64_t first = 0; first < out.rows(); first += most) {
    const int64_t count = std::min(most, out.rows() - first);
    StagingRing::Slot& slot = ring.Acquire();
    std::memcpy(slot.host,
                indices.data() + first,
                static_cast<size_t>(count * kIndexBytes));
    ring.Send(slot, count * kIndexBytes);
    Check(GatherElements(stream,
                         in,
                         reinterpret_cast<const int64_t*>(slot.device),
                         out.Rows(first, count)),
          "gathering rows");
    ring.Release(slot);
  }
}

}  // namespace repscore::cuda
