# Sets cuda_sources and cuda_objects: the CUDA backend, or, without nvcc or with
# REPSCORE_CUDA=OFF, the one file that says that there is none.
#
# Only the runtime is linked, statically; libraries.h says why the others are
# not. Kernels are compiled for compute capability 8.0 and 9.0, and as code that
# the drivers of later devices translate.
set(cuda_sources cuda/cuda_unavailable.cc)
set(cuda_objects)
if(REPSCORE_CUDA STREQUAL "OFF")
  return()
endif()
# nvcc does not know the sanitizers' flags; the emulated device is built with
# them all the same.
if(REPSCORE_SANITIZE AND REPSCORE_CUDA STREQUAL "AUTO")
  return()
endif()

if(REPSCORE_CUDA STREQUAL "ON")
  enable_language(CUDA)
  find_package(CUDAToolkit 12.4 REQUIRED)
else()
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    find_package(CUDAToolkit 12.4 QUIET)
  endif()
  if(NOT CUDAToolkit_FOUND)
    message(STATUS "CUDA: not found; built without")
    return()
  endif()
  enable_language(CUDA)
endif()
# CMake 3.25.1 does not know the flag.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(repscore_cuda_kernels OBJECT cuda/columns.cu cuda/dots.cu
                                         cuda/elements.cu cuda/step.cu)
set_target_properties(repscore_cuda_kernels
                      PROPERTIES CUDA_ARCHITECTURES "80-real;90")
target_compile_options(
  repscore_cuda_kernels
  PRIVATE -O3
          -Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion,-Werror -Werror
          all-warnings)
target_link_libraries(
  repscore_cuda_kernels PRIVATE repscore_options absl::status absl::statusor
                                absl::span)

set(cuda_objects $<TARGET_OBJECTS:repscore_cuda_kernels>)
set(cuda_sources
    cuda/arrange.cc
    cuda/cuda_backend.cc
    cuda/cuda_cholesky.cc
    cuda/cuda_device.cc
    cuda/cuda_elements.cc
    cuda/cuda_factorizations.cc
    cuda/cuda_polar.cc
    cuda/cuda_polar_products.cc
    cuda/cuda_products.cc
    cuda/cuda_pull_back.cc
    cuda/device.cc
    cuda/libraries.cc
    cuda/memory.cc
    cuda/queue.cc
    cuda/staging.cc
    cuda/tape.cc)
