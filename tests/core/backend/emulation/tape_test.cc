// Work that is collected and played together: the same results as one after the
// other, whatever comes in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "core/base/text.h"
#include "core/optimize/optimization.h"
#include "tests/support/cuda_emulation/emulation.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

namespace emulation = cuda_emulation;

constexpr ScalarType kDouble = ScalarType::kFloat64;

class TapeTest : public ::testing::Test {
 protected:
  void TearDown() override {
    matrix_ = Matrix();
    backend_.reset();
    emulation::TheSettings() = emulation::Settings();
    emulation::Reset();
  }

  Matrix Filled(double value) {
    Matrix filled = backend_->Allocate(6, 6, kDouble);
    backend_->Fill(value, filled);
    return filled;
  }
  double First(const Matrix& matrix) {
    std::vector<double> values(static_cast<size_t>(matrix.size()));
    backend_->Download(matrix, absl::MakeSpan(values));
    return values.front();
  }
  int64_t replays() const { return cuda::GraphReplays(*backend_); }

  std::unique_ptr<Backend> backend_ = *CreateBackend("cuda:0", 1);
  Matrix matrix_ = backend_->Allocate(6, 6, kDouble);
};

TEST_F(TapeTest, RecordsTheSecondTimeAndTakesTheNumbersOfEachTime) {
  const Matrix ones = Filled(1.0);
  First(ones);
  for (int round = 1; round <= 5; ++round) {
    backend_->Axpby(round, ones, 0.0, matrix_);
    backend_->Axpby(0.5, ones, 2.0, matrix_);

    EXPECT_EQ(First(matrix_), 2.0 * round + 0.5);
  }

  EXPECT_EQ(replays(), 4);
}

TEST_F(TapeTest, TellsShapesAndFactorsOfOneAddressApart) {
  for (int round = 0; round < 3; ++round) {
    backend_->Fill(1.0, matrix_);
    backend_->Fill(2.0, matrix_.Rows(0, 3));
    EXPECT_EQ(backend_->Trace(matrix_), 9.0);
    backend_->Fill(1.0, matrix_);
    backend_->Fill(2.0, matrix_.Rows(0, 2));
    EXPECT_EQ(backend_->Trace(matrix_), 8.0);
  }
}

TEST_F(TapeTest, MoreNumbersThanItHoldsAreSentInParts) {
  // 32 bytes of factors for each of 20000 products: several times the constants
  // of a tape, and several times its work.
  const Matrix ones = Filled(1.0);
  backend_->Fill(0.0, matrix_);
  for (int i = 0; i < 20000; ++i) {
    backend_->Axpby(1.0, ones, 1.0, matrix_);
  }
  const std::vector<double> table(3000, 0.25);
  std::vector<Matrix> uploaded;
  for (int i = 0; i < 40; ++i) {
    uploaded.push_back(backend_->Allocate(3000, 1, kDouble));
    backend_->Upload(table, uploaded.back());
  }

  EXPECT_EQ(First(matrix_), 20000.0);
  for (const Matrix& matrix : uploaded) {
    EXPECT_EQ(backend_->Dot(matrix, matrix), 3000.0 / 16.0);
  }
}

TEST_F(TapeTest, MemoryComesAgainInOneOrder) {
  const auto addresses = [&](bool reversed) {
    std::vector<Matrix> held;
    std::vector<void*> seen;
    for (int i = 0; i < 6; ++i) {
      held.push_back(backend_->Allocate(30, 30, kDouble));
      seen.push_back(held.back().data());
    }
    while (reversed && !held.empty()) {
      held.pop_back();
    }
    return seen;
  };
  addresses(false);
  const std::vector<void*> first = addresses(false);

  EXPECT_EQ(addresses(true), first);
  EXPECT_EQ(addresses(false), first);
}

TEST_F(TapeTest, IdleMemoryOfOneQueueServesAnother) {
  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  // 1.2 GB of 2 GB, given back but kept.
  backend_->Allocate(15000, 10000, kDouble);

  const Matrix large = sibling->Allocate(15000, 10000, kDouble);

  EXPECT_EQ(large.rows(), 15000);
}

TEST_F(TapeTest, WorkThatCannotBeRecordedRunsAsItIs) {
  emulation::TheSettings().captures_fail = true;
  const Matrix ones = Filled(1.0);
  First(ones);
  for (int round = 1; round <= 4; ++round) {
    backend_->Axpby(round, ones, 0.0, matrix_);
    EXPECT_EQ(First(matrix_), round);
  }
  EXPECT_EQ(replays(), 0);

  // Other work is recorded still.
  emulation::TheSettings().captures_fail = false;
  for (int round = 0; round < 3; ++round) {
    backend_->Axpby(2.0, ones, 1.0, ones);
    EXPECT_EQ(First(ones), std::pow(3.0, round + 1));
  }
  EXPECT_EQ(replays(), 2);
}

TEST_F(TapeTest, AReaderInAnotherThreadSeesWhatIsOnTheTape) {
  const std::unique_ptr<Backend> sibling = backend_->Sibling(1);
  backend_->Fill(3.0, matrix_);
  std::vector<double> seen(36);
  std::thread([&] { sibling->Download(matrix_, absl::MakeSpan(seen)); }).join();

  EXPECT_EQ(seen, std::vector<double>(36, 3.0));
}

TEST_F(TapeTest, MembersSideBySideAreThoseOfARunOfTheirOwn) {
  OptimizationPlan plan;
  plan.terms.push_back({.measure = {.id = "nbs", .explicit_folds = {}}});
  plan.stopping.max_steps = 40;
  plan.restarts = 7;
  const auto run = [&](int threads) {
    const std::unique_ptr<Backend> backend = *CreateBackend("cuda:0", threads);
    const std::unique_ptr<Optimization> optimization = *Optimization::Create(
        *Reference::Create(*backend, MakeDataset(Normals(30, 8, 16))), plan);
    while (optimization->stop_reason() == StopReason::kNone) {
      EXPECT_TRUE(optimization->Step().ok());
    }
    const OptimizationResult result = optimization->Finish().value();
    std::vector<double> ends;
    for (const MemberResult& member : result.members) {
      ends.push_back(member.objective);
    }
    return ends;
  };
  const std::vector<double> alone = run(1);

  EXPECT_EQ(alone.size(), 7);
  EXPECT_EQ(run(3), alone);
}

TEST_F(TapeTest, FoldsShareLaunches) {
  const auto launches_of = [&](int folds) {
    OptimizationPlan plan;
    plan.terms.push_back(
        {.measure = {
             .id = StrCat(
                 "ridge_r2(lambda=1,folds=rows_contiguous(", folds, "))"),
             .explicit_folds = {}}});
    plan.stopping.max_steps = 1000;
    plan.trace_every = 1000;
    const std::unique_ptr<Optimization> run = *Optimization::Create(
        *Reference::Create(*backend_, MakeDataset(Normals(60, 8, 16))), plan);
    const auto steps = [&](int count) {
      const int64_t before = cuda::ReplayedLaunches(*backend_);
      for (int i = 0; i < count; ++i) {
        EXPECT_TRUE(run->Step().ok());
      }
      return cuda::ReplayedLaunches(*backend_) - before;
    };
    steps(5);
    return static_cast<double>(steps(10)) / 10.0;
  };

  // Eight products of a fold cannot share one; fifty other operations do.
  EXPECT_LE(launches_of(10) - launches_of(5), 5 * 10);
  EXPECT_GT(launches_of(5), 20);
}

TEST_F(TapeTest, ForgetsTheOldestWork) {
  // More than it remembers, twice over: nothing comes again in time.
  for (int round = 0; round < 2; ++round) {
    for (int64_t rows = 1; rows <= 700; ++rows) {
      const Matrix column = backend_->Allocate(rows, 1, kDouble);
      backend_->Fill(1.0, column);
      EXPECT_EQ(backend_->Dot(column, column), static_cast<double>(rows));
    }
  }

  EXPECT_EQ(replays(), 0);
}

}  // namespace
}  // namespace repscore::testing
