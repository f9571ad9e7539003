// The two shapes of our own kernels: a function of every element, and sums over
// columns with work before and after them. Sums run in a fixed order that
// depends on the shape alone; nothing adds with atomics.
//
// Included by .cu files. Compiled by an ordinary C++ compiler, the same
// functors run in the loops of the test emulation.
#ifndef REPSCORE_CORE_BACKEND_CUDA_LAUNCH_H_
#define REPSCORE_CORE_BACKEND_CUDA_LAUNCH_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

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

}  // namespace repscore::cuda

#ifdef __CUDACC__

#define REPSCORE_DEVICE __device__

namespace repscore::cuda {

template <typename Functor>
__global__ void __launch_bounds__(kElementThreads)
    ElementKernel(int64_t rows, int64_t cols, Functor functor) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= rows) {
    return;
  }
  for (int64_t j = blockIdx.y; j < cols; j += gridDim.y) {
    functor(i, j);
  }
}

/// Calls functor(i, j) for every i < rows and j < cols, in any order.
template <typename Functor>
cudaError_t ForEach(cudaStream_t stream,
                    int64_t rows,
                    int64_t cols,
                    const Functor& functor) {
  if (rows == 0 || cols == 0) {
    return cudaSuccess;
  }
  const dim3 grid(
      static_cast<unsigned>((rows + kElementThreads - 1) / kElementThreads),
      static_cast<unsigned>(std::min(cols, kMostGridColumns)));
  ElementKernel<<<grid, kElementThreads, 0, stream>>>(rows, cols, functor);
  return cudaGetLastError();
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

template <typename Program>
__global__ void __launch_bounds__(kMostColumnThreads)
    ColumnKernel(Program program) {
  auto state = program.Start(static_cast<int64_t>(blockIdx.x));
  for (int phase = 0; phase < Program::kPhases; ++phase) {
    const Sums sums = ThreadSums(program, phase, state);
    program.Finish(phase, state, BlockTotal(sums), threadIdx.x == 0);
  }
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
///     and, where `writes`, to memory that the column's visits do not read.
template <typename Program>
cudaError_t ForColumns(cudaStream_t stream,
                       int64_t columns,
                       int64_t rows,
                       const Program& program) {
  if (columns == 0) {
    return cudaSuccess;
  }
  ColumnKernel<<<static_cast<unsigned>(columns),
                 static_cast<unsigned>(ColumnThreads(rows)),
                 0,
                 stream>>>(program);
  return cudaGetLastError();
}

}  // namespace repscore::cuda

#else

#define REPSCORE_DEVICE

#include "emulated_launch.h"

#endif

#endif  // REPSCORE_CORE_BACKEND_CUDA_LAUNCH_H_
