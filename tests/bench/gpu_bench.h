// The benchmarks of a GPU as a function: a program of their own, and a part of
// the one that goes to machines without our packages.
#ifndef REPSCORE_TESTS_BENCH_GPU_BENCH_H_
#define REPSCORE_TESTS_BENCH_GPU_BENCH_H_

namespace repscore {

/// Arguments as gpu_bench.cc says; returns the exit status.
int RunGpuBench(int argc, char** argv);

}  // namespace repscore

#endif  // REPSCORE_TESTS_BENCH_GPU_BENCH_H_
