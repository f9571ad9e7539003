// Where kernels are launched: on a stream at once, or together with others.
//
// A task is a function of elements or a program over columns with its shape,
// see launch.h. Tasks of one type that do not depend on each other can share a
// launch: a small kernel takes hardly longer for thirty matrices than for one.
#ifndef REPSCORE_CORE_BACKEND_CUDA_LAUNCHER_H_
#define REPSCORE_CORE_BACKEND_CUDA_LAUNCHER_H_

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscore::cuda {

/// Launches `count` tasks of the function's own type that lie at `tasks`.
using LaunchTasks = cudaError_t (*)(cudaStream_t stream,
                                    const std::byte* tasks,
                                    size_t count);

/// Tasks that wait to be launched together, by type.
class GatheredTasks {
 public:
  template <typename Task>
  void Add(LaunchTasks launch, const Task& task) {
    static_assert(std::is_trivially_copyable_v<Task>);
    Type& type = TypeOf(launch);
    const size_t offset = type.tasks.size();
    type.tasks.resize(offset + sizeof(Task));
    std::memcpy(type.tasks.data() + offset, &task, sizeof(Task));
    ++type.count;
  }

  /// Launches all of them. They are gone afterwards in any case.
  cudaError_t Launch(cudaStream_t stream) {
    cudaError_t error = cudaSuccess;
    for (const Type& type : std::exchange(types_, {})) {
      if (error == cudaSuccess) {
        error = type.launch(stream, type.tasks.data(), type.count);
      }
    }
    return error;
  }

 private:
  struct Type {
    LaunchTasks launch = nullptr;
    std::vector<std::byte> tasks = {};
    size_t count = 0;
  };

  Type& TypeOf(LaunchTasks launch) {
    for (Type& type : types_) {
      if (type.launch == launch) {
        return type;
      }
    }
    return types_.emplace_back(Type{.launch = launch});
  }

  std::vector<Type> types_;
};

class Launcher {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a stream is one.
  Launcher(cudaStream_t stream, GatheredTasks* gathered = nullptr)
      : stream_(stream), gathered_(gathered) {}

  /// kLaunch takes tasks of this type.
  template <LaunchTasks kLaunch, typename Task>
  cudaError_t Launch(const Task& task) const {
    if (gathered_ != nullptr) {
      gathered_->Add(kLaunch, task);
      return cudaSuccess;
    }
    return kLaunch(stream_, reinterpret_cast<const std::byte*>(&task), 1);
  }

 private:
  cudaStream_t stream_;
  GatheredTasks* gathered_;
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_LAUNCHER_H_
