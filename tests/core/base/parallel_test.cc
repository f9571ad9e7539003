#include "core/base/parallel.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace repscore {
namespace {

TEST(FirstExceptionTest, WhatAThreadThrowsIsThrownAfterTheLoop) {
  FirstException thrown;
  std::vector<int> done(4, 0);
  std::vector<std::thread> threads;

  for (size_t i = 0; i < done.size(); ++i) {
    threads.emplace_back([&thrown, &done, i] {
      thrown.Catch([&] {
        if (i == 1) {
          throw std::bad_alloc();
        }
        done[i] = 1;
      });
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  EXPECT_THROW(thrown.Rethrow(), std::bad_alloc);
  EXPECT_EQ(done, (std::vector<int>{1, 0, 1, 1}));
}

TEST(FirstExceptionTest, TheFirstOfSeveralStays) {
  FirstException thrown;

  thrown.Catch([] { throw std::out_of_range("first"); });
  thrown.Catch([] { throw std::bad_alloc(); });

  EXPECT_THROW(thrown.Rethrow(), std::out_of_range);
}

TEST(FirstExceptionTest, NothingThrownIsNothingRethrown) {
  FirstException thrown;

  thrown.Catch([] {});

  EXPECT_NO_THROW(thrown.Rethrow());
}

TEST(ForEachTest, EveryBodyRunsOnce) {
  for (const int threads : {1, 3}) {
    std::vector<int> calls(17, 0);

    ForEach(17, threads, [&](int64_t i) { ++calls[static_cast<size_t>(i)]; });

    EXPECT_EQ(calls, std::vector<int>(17, 1)) << threads << " threads";
  }
}

TEST(ForEachTest, OneBodyOrOneThreadOpensNoRegion) {
  // A region within would be nested, for which OpenMP starts new threads.
  int level = -1;

  ForEach(1, 4, [&](int64_t) { level = omp_get_level(); });
  EXPECT_EQ(level, 0);

  ForEach(3, 1, [&](int64_t) { level = std::max(level, omp_get_level()); });
  EXPECT_EQ(level, 0);
}

TEST(ForEachTest, WhatABodyThrowsIsThrownAfterAll) {
  for (const int threads : {1, 2}) {
    EXPECT_THROW(ForEach(4,
                         threads,
                         [](int64_t i) {
                           if (i == 2) {
                             throw std::bad_alloc();
                           }
                         }),
                 std::bad_alloc);
  }
}

}  // namespace
}  // namespace repscore
