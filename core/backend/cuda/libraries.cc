#include "core/backend/cuda/libraries.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

#include "core/base/text.h"

namespace repscore::cuda {
namespace {

#define REPSCORE_STRING_INNER(text) #text
#define REPSCORE_STRING(text) REPSCORE_STRING_INNER(text)

constexpr char kBlasFile[] = "libcublas.so." REPSCORE_STRING(CUBLAS_VER_MAJOR);
constexpr char kSolverFile[] =
    "libcusolver.so." REPSCORE_STRING(CUSOLVER_VER_MAJOR);

absl::StatusOr<void*> Open(const char* file) {
  void* const library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return absl::FailedPreconditionError(
        StrCat("device: the GPU cannot be used without ",
               file,
               " of the CUDA toolkit: ",
               ::dlerror()));
  }
  return library;
}

template <typename Function>
absl::Status Find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(::dlsym(library, name));
  return function != nullptr
             ? absl::OkStatus()
             : absl::FailedPreconditionError(
                   StrCat("device: the installed CUDA libraries have no ",
                          name,
                          "; a newer toolkit is needed"));
}

absl::StatusOr<Libraries> Load() {
  const absl::StatusOr<void*> blas = Open(kBlasFile);
  if (!blas.ok()) {
    return blas.status();
  }
  const absl::StatusOr<void*> solver = Open(kSolverFile);
  if (!solver.ok()) {
    return solver.status();
  }
  Libraries libraries;
  absl::Status found;
#define REPSCORE_FIND_BLAS(field, function) \
  found.Update(Find(*blas, REPSCORE_STRING(function), libraries.field));
#define REPSCORE_FIND_SOLVER(field, function) \
  found.Update(Find(*solver, REPSCORE_STRING(function), libraries.field));
  REPSCORE_BLAS_FUNCTIONS(REPSCORE_FIND_BLAS)
  REPSCORE_SOLVER_FUNCTIONS(REPSCORE_FIND_SOLVER)
  found.Update(Find(*blas, "cublasGemmEx", libraries.gemm_ex));
#undef REPSCORE_FIND_BLAS
#undef REPSCORE_FIND_SOLVER
  if (!found.ok()) {
    return found;
  }
  return libraries;
}

}  // namespace

absl::StatusOr<const Libraries*> LoadLibraries() {
  static std::mutex mutex;
  static absl::StatusOr<Libraries> loaded =
      absl::FailedPreconditionError("device: not loaded");
  const std::lock_guard<std::mutex> lock(mutex);
  if (!loaded.ok()) {
    loaded = Load();
  }
  if (!loaded.ok()) {
    return loaded.status();
  }
  return &*loaded;
}

}  // namespace repscore::cuda
