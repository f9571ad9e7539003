// The suites of the GPU and its benchmarks in one program, so that what it is
// statically linked against travels once.
//
//   gpu_check bench [OPTION...]    see tests/bench/gpu_bench.cc
//   gpu_check [GOOGLETEST OPTION...]
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "tests/bench/gpu_bench.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "bench") {
    return repscore::RunGpuBench(argc - 1, argv + 1);
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
