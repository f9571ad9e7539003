#include "tests/bench/gpu_bench.h"

int main(int argc, char** argv) {
  return repscore::RunGpuBench(argc, argv);
}
