// The launches of core/backend/cuda/launch.h as loops. Sums run in the order of
// the device's: over the threads of a block, then its warps.
#ifndef REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATED_LAUNCH_H_
#define REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATED_LAUNCH_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/backend/cuda/launch.h"
#include "tests/support/cuda_emulation/emulation.h"

namespace repscore::cuda {

/// Tasks that share a launch run the last one first: one that needed another
/// would not find it done.
template <typename Task, typename Run>
cudaError_t EnqueueTasks(cudaStream_t stream,
                         const std::byte* tasks,
                         size_t count,
                         const Run& run) {
  std::vector<Task> together;
  for (size_t i = count; i > 0; --i) {
    together.push_back(TaskAt<Task>(tasks, i - 1));
  }
  return cuda_emulation::Enqueue(stream, [=] {
    for (const Task& task : together) {
      run(task);
    }
  });
}

template <typename Functor>
cudaError_t LaunchElementTasks(cudaStream_t stream,
                               const std::byte* tasks,
                               size_t count) {
  using Task = ElementTask<Functor>;
  return EnqueueTasks<Task>(stream, tasks, count, [](const Task& task) {
    for (int64_t j = 0; j < task.cols; ++j) {
      for (int64_t i = 0; i < task.rows; ++i) {
        task.functor(i, j);
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
void RunColumns(const ColumnTask<Program>& task) {
  const Program& program = task.program;
  const auto threads = static_cast<size_t>(ColumnThreads(task.rows));
  for (int64_t j = 0; j < task.columns; ++j) {
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
}

template <typename Program>
cudaError_t LaunchColumnTasks(cudaStream_t stream,
                              const std::byte* tasks,
                              size_t count) {
  return EnqueueTasks<ColumnTask<Program>>(
      stream, tasks, count, RunColumns<Program>);
}

}  // namespace repscore::cuda

#endif  // REPSCORE_TESTS_SUPPORT_CUDA_EMULATION_EMULATED_LAUNCH_H_
