// The launches of core/backend/cuda/launch.h as loops. Sums run in the order of
// the device's: over the threads of a block, then its warps.
#ifndef REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATED_LAUNCH_H_
#define REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATED_LAUNCH_H_

#include <cstdint>
#include <vector>

#include "core/backend/cuda/launch.h"
#include "tests/support/cuda_emulation/emulation.h"

namespace repscore::cuda {

template <typename Functor>
cudaError_t ForEach(cudaStream_t stream,
                    int64_t rows,
                    int64_t cols,
                    const Functor& functor) {
  return cuda_emulation::Enqueue(stream, [=] {
    for (int64_t j = 0; j < cols; ++j) {
      for (int64_t i = 0; i < rows; ++i) {
        functor(i, j);
      }
    }
  });
}

inline Sums Added(Sums a, Sums b) {
  return {a.first + b.first, a.second + b.second};
}

inline Sums BlockTotal(std::vector<Sums> threads) {
  Sums total = {0.0, 0.0};
  for (size_t warp = 0; warp < threads.size(); warp += kWarp) {
    for (size_t offset = kWarp / 2; offset > 0; offset /= 2) {
      for (size_t lane = 0; lane < offset; ++lane) {
        Sums& sum = threads[warp + lane];
        sum = Added(sum, threads[warp + lane + offset]);
      }
    }
    total = Added(total, threads[warp]);
  }
  return total;
}

template <typename Program>
cudaError_t ForColumns(cudaStream_t stream,
                       int64_t columns,
                       int64_t rows,
                       const Program& program) {
  const auto threads = static_cast<size_t>(ColumnThreads(rows));
  return cuda_emulation::Enqueue(stream, [=] {
    for (int64_t j = 0; j < columns; ++j) {
      auto state = program.Start(j);
      for (int phase = 0; phase < Program::kPhases; ++phase) {
        std::vector<Sums> sums(threads, Sums{0.0, 0.0});
        for (int64_t i = 0; i < state.rows; ++i) {
          Sums& sum = sums[static_cast<size_t>(i) % threads];
          if constexpr (requires { typename Program::Loaded; }) {
            sum = Added(
                sum,
                program.Visit(phase, state, i, program.Load(phase, state, i)));
          } else {
            sum = Added(sum, program.Visit(phase, state, i));
          }
        }
        program.Finish(phase, state, BlockTotal(std::move(sums)), true);
      }
    }
  });
}

}  // namespace repscore::cuda

#endif  // REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATED_LAUNCH_H_
