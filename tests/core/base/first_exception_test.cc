#include "core/base/first_exception.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace repscore
