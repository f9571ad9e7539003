// The two shapes of our own kernels: a function of every element, and sums over
// columns with work before and after them. Sums run in a fixed order that
// depends on the shape alone; nothing adds with atomics. A launch takes one
// task or several (see Launcher), by the same code: each comes out as it does
// alone.
//
// Included by .cu files. Compiled by an ordinary C++ compiler, the same
// functors run in the loops of the test emulation.
#ifndef REPSCORE_CORE_BACKEND_CUDA_LAUNCH_H_
#define REPSCORE_CORE_BACKEND_CUDA_LAUNCH_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/backend/cuda/launcher.h"

namespace repscore::cuda {

/// Two sums that are reduced together.
struct Sums {
  double first;
  double second;
};

constexpr int kWarp = 32;
constexpr int kElementThreads = 128;
constexpr int kFewestColumnThreads = 64;
constexpr int kMostColumnThreads = 1024;
constexpr int64_t kMostGridColumns = 65535;

/// Threads of the block that sums a column of `rows` elements: each has a few
/// of them.
constexpr int ColumnThreads(int64_t rows) {
  constexpr int64_t kElementsPerThread = 4;
  int threads = kFewestColumnThreads;
  while (threads < kMostColumnThreads && threads * kElementsPerThread < rows) {
    threads *= 2;
  }
  return threads;
}

/// functor(i, j) for every i < rows and j < cols.
template <typename Functor>
struct ElementTask {
  int64_t rows;
  int64_t cols;
  Functor functor;
};

/// A program, see ForColumns(), over `columns` columns of at most `rows` rows.
template <typename Program>
struct ColumnTask {
  int64_t columns;
  int64_t rows;
  Program program;
};

// What a launch takes by value. Programs that make use of every register there
// is are alone in theirs, where their fields have fixed addresses.
constexpr size_t kElementTaskBytes = 1024;
constexpr int kMostTogether = 16;

template <typename Functor>
constexpr int TogetherOf() {
  return std::clamp(
      static_cast<int>(kElementTaskBytes / sizeof(ElementTask<Functor>)),
      1,
      kMostTogether);
}

template <typename Program>
constexpr int ColumnTasksTogether() {
  if constexpr (requires { Program::kTogether; }) {
    return Program::kTogether;
  } else {
    return 1;
  }
}

/// Task number `index` of those at `tasks`, which need not be aligned.
template <typename Task>
Task TaskAt(const std::byte* tasks, size_t index) {
  Task task;
  std::memcpy(&task, tasks + index * sizeof(Task), sizeof(Task));
  return task;
}

}  // namespace repscore::cuda

#ifdef __CUDACC__

#define REPSCORE_DEVICE __device__

namespace repscore::cuda {

template <typename Task, int kMost>
struct Tasks {
  Task tasks[kMost];
};

template <typename Functor, int kMost>
__global__ void __launch_bounds__(kElementThreads) ElementKernel(
    const __grid_constant__ Tasks<ElementTask<Functor>, kMost> together) {
  const ElementTask<Functor>& task = together.tasks[kMost > 1 ? blockIdx.z : 0];
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= task.rows) {
    return;
  }
  for (int64_t j = blockIdx.y; j < task.cols; j += gridDim.y) {
    task.functor(i, j);
  }
}

template <typename Functor>
cudaError_t LaunchElementTasks(cudaStream_t stream,
                               const std::byte* tasks,
                               size_t count) {
  using Task = ElementTask<Functor>;
  constexpr int kMost = TogetherOf<Functor>();
  for (size_t first = 0; first < count; first += kMost) {
    const size_t taken = std::min<size_t>(kMost, count - first);
    Tasks<Task, kMost> together = {};
    int64_t rows = 0;
    int64_t cols = 0;
    for (size_t i = 0; i < taken; ++i) {
      together.tasks[i] = TaskAt<Task>(tasks, first + i);
      rows = std::max(rows, together.tasks[i].rows);
      cols = std::max(cols, together.tasks[i].cols);
    }
    const dim3 grid(
        static_cast<unsigned>((rows + kElementThreads - 1) / kElementThreads),
        static_cast<unsigned>(std::min(cols, kMostGridColumns)),
        static_cast<unsigned>(taken));
    ElementKernel<Functor, kMost>
        <<<grid, kElementThreads, 0, stream>>>(together);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) {
      return error;
    }
  }
  return cudaSuccess;
}

/// The total over the block, in every thread.
__device__ inline Sums BlockTotal(Sums value) {
  __shared__ Sums warps[kMostColumnThreads / kWarp];
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value.first += __shfl_xor_sync(0xffffffffU, value.first, offset);
    value.second += __shfl_xor_sync(0xffffffffU, value.second, offset);
  }
  if (threadIdx.x % kWarp == 0) {
    warps[threadIdx.x / kWarp] = value;
  }
  __syncthreads();
  Sums total = {0.0, 0.0};
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) {
    total.first += warps[warp].first;
    total.second += warps[warp].second;
  }
  // The next phase writes `warps` again.
  __syncthreads();
  return total;
}

/// Elements whose loads are under way together: a store in between would keep
/// the later loads waiting.
constexpr int kLoadedAtOnce = 4;

/// The sums of one thread in one phase.
template <typename Program, typename State>
__device__ Sums ThreadSums(const Program& program,
                           int phase,
                           const State& state) {
  Sums sums = {0.0, 0.0};
  const auto add = [&sums](Sums element) {
    sums.first += element.first;
    sums.second += element.second;
  };
  int64_t i = threadIdx.x;
  if constexpr (requires { typename Program::Loaded; }) {
    const int64_t step = blockDim.x;
    for (; i + (kLoadedAtOnce - 1) * step < state.rows;
         i += kLoadedAtOnce * step) {
      typename Program::Loaded loaded[kLoadedAtOnce];
#pragma unroll
      for (int k = 0; k < kLoadedAtOnce; ++k) {
        loaded[k] = program.Load(phase, state, i + k * step);
      }
#pragma unroll
      for (int k = 0; k < kLoadedAtOnce; ++k) {
        add(program.Visit(phase, state, i + k * step, loaded[k]));
      }
    }
    for (; i < state.rows; i += step) {
      add(program.Visit(phase, state, i, program.Load(phase, state, i)));
    }
  } else {
    for (; i < state.rows; i += blockDim.x) {
      add(program.Visit(phase, state, i));
    }
  }
  return sums;
}

template <typename Program, int kMost>
__global__ void __launch_bounds__(kMostColumnThreads) ColumnKernel(
    const __grid_constant__ Tasks<ColumnTask<Program>, kMost> together) {
  const ColumnTask<Program>& task = together.tasks[kMost > 1 ? blockIdx.z : 0];
  const auto column = static_cast<int64_t>(blockIdx.x);
  if (column >= task.columns) {
    return;
  }
  const Program& program = task.program;
  auto state = program.Start(column);
  for (int phase = 0; phase < Program::kPhases; ++phase) {
    const Sums sums = ThreadSums(program, phase, state);
    program.Finish(phase, state, BlockTotal(sums), threadIdx.x == 0);
  }
}

template <typename Program>
cudaError_t LaunchColumnTasks(cudaStream_t stream,
                              const std::byte* tasks,
                              size_t count) {
  using Task = ColumnTask<Program>;
  constexpr int kMost = ColumnTasksTogether<Program>();
  size_t next = 0;
  while (next < count) {
    // As many as have blocks of one size: the order of sums depends on it.
    Tasks<Task, kMost> together = {};
    int threads = 0;
    int64_t columns = 0;
    unsigned taken = 0;
    while (next < count && taken < kMost) {
      const Task task = TaskAt<Task>(tasks, next);
      if (taken > 0 && ColumnThreads(task.rows) != threads) {
        break;
      }
      threads = ColumnThreads(task.rows);
      columns = std::max(columns, task.columns);
      together.tasks[taken++] = task;
      ++next;
    }
    ColumnKernel<Program, kMost>
        <<<dim3(static_cast<unsigned>(columns), 1, taken),
           static_cast<unsigned>(threads),
           0,
           stream>>>(together);
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) {
      return error;
    }
  }
  return cudaSuccess;
}

}  // namespace repscore::cuda

#else

#define REPSCORE_DEVICE

#include "emulated_launch.h"

#endif

namespace repscore::cuda {

/// Calls functor(i, j) for every i < rows and j < cols, in any order.
template <typename Functor>
cudaError_t ForEach(const Launcher& on,
                    int64_t rows,
                    int64_t cols,
                    const Functor& functor) {
  if (rows == 0 || cols == 0) {
    return cudaSuccess;
  }
  return on.Launch<LaunchElementTasks<Functor>>(
      ElementTask<Functor>{rows, cols, functor});
}

/// Runs a program over `columns` columns of at most `rows` rows, one block
/// each. A program has
///   kPhases, how often it passes over a column;
///   Start(j), the state of column j, with its number of `rows`;
///   Visit(phase, state, i), which may change element i and what else this
///     element alone is made of, and returns what to sum;
///   or, where passes are long, Load(phase, state, i), which reads element i
///     and what else its visit needs into a Loaded, and
///     Visit(phase, state, i, loaded);
///   Finish(phase, state, total, writes), which takes the total into the state
///     and, where `writes`, to memory that the column's visits do not read;
///   kTogether, where several may share a launch: how many.
template <typename Program>
cudaError_t ForColumns(const Launcher& on,
                       int64_t columns,
                       int64_t rows,
                       const Program& program) {
  if (columns == 0) {
    return cudaSuccess;
  }
  return on.Launch<LaunchColumnTasks<Program>>(
      ColumnTask<Program>{columns, rows, program});
}

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_LAUNCH_H_
