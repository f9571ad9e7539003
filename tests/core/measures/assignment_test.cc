// Assignment and transport against all possibilities, and against prices that
// prove a solution best.
#include "core/measures/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "core/backend/host_algebra.h"
#include "core/measures/transport.h"
#include "tests/support/problem.h"

namespace repscore {
namespace {

Eigen::MatrixXd Costs(int64_t rows, int64_t cols, uint64_t seed) {
  const testing::Table table = testing::Normals(rows, cols, seed);
  Eigen::MatrixXd cost(rows, cols);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      cost(i, j) = table.at(i, j);
    }
  }
  return cost;
}

/// Smallest sum over all choices of a column for every row, rows <= cols.
double BruteForce(const Eigen::MatrixXd& cost) {
  if (cost.rows() > cost.cols()) {
    return BruteForce(cost.transpose());
  }
  std::vector<int64_t> columns(static_cast<size_t>(cost.cols()));
  std::iota(columns.begin(), columns.end(), 0);
  double best = std::numeric_limits<double>::infinity();
  do {
    double sum = 0.0;
    for (int64_t i = 0; i < cost.rows(); ++i) {
      sum += cost(i, columns[static_cast<size_t>(i)]);
    }
    best = std::min(best, sum);
  } while (std::next_permutation(columns.begin(), columns.end()));
  return best;
}

double CheckedSum(const Eigen::MatrixXd& cost) {
  std::set<int64_t> rows;
  std::set<int64_t> cols;
  double sum = 0.0;
  for (const auto& [i, j] : SolveAssignment(cost)) {
    EXPECT_TRUE(rows.insert(i).second);
    EXPECT_TRUE(cols.insert(j).second);
    sum += cost(i, j);
  }
  EXPECT_EQ(static_cast<int64_t>(rows.size()),
            std::min(cost.rows(), cost.cols()));
  return sum;
}

TEST(AssignmentTest, IsTheBestOfAll) {
  uint64_t seed = 1;
  for (int64_t rows = 1; rows <= 7; ++rows) {
    for (int64_t cols = 1; cols <= 7; ++cols) {
      for (int repeat = 0; repeat < 3; ++repeat) {
        const Eigen::MatrixXd cost = Costs(rows, cols, seed++);
        EXPECT_NEAR(CheckedSum(cost), BruteForce(cost), 1e-12)
            << rows << " x " << cols;
      }
    }
  }
}

TEST(AssignmentTest, TiesAndZerosAreFine) {
  for (uint64_t seed = 500; seed < 560; ++seed) {
    // Whole costs from -1 to 1: many equal sums.
    const Eigen::MatrixXd cost = Costs(6, 7, seed).array().round();
    EXPECT_EQ(CheckedSum(cost), BruteForce(cost)) << seed;
  }
  EXPECT_EQ(CheckedSum(Eigen::MatrixXd::Zero(5, 3)), 0.0);
}

TEST(AssignmentTest, FindsAHiddenPermutationOfManyColumns) {
  constexpr int64_t kSize = 300;
  Eigen::MatrixXd cost = Costs(kSize, kSize, 600).cwiseAbs();
  for (int64_t i = 0; i < kSize; ++i) {
    cost(i, (7 * i + 3) % kSize) = -1.0;
  }
  EXPECT_EQ(CheckedSum(cost), -static_cast<double>(kSize));
}

TEST(AssignmentTest, LargeSumIsNotBeatenByExchanges) {
  const Eigen::MatrixXd cost = Costs(60, 80, 601);
  const auto pairs = SolveAssignment(cost);
  for (const auto& [i, j] : pairs) {
    for (const auto& [k, l] : pairs) {
      EXPECT_LE(cost(i, j) + cost(k, l), cost(i, l) + cost(k, j) + 1e-12);
    }
  }
}

/// Rows and columns repeated until both sides have the same number of equal
/// parts: then the best plan is an assignment.
double TransportByAssignment(const Eigen::MatrixXd& cost) {
  const int64_t parts = std::lcm(cost.rows(), cost.cols());
  Eigen::MatrixXd repeated(parts, parts);
  for (int64_t i = 0; i < parts; ++i) {
    for (int64_t j = 0; j < parts; ++j) {
      repeated(i, j) = cost(i * cost.rows() / parts, j * cost.cols() / parts);
    }
  }
  return CheckedSum(repeated) / static_cast<double>(parts);
}

double CheckedCost(const Eigen::MatrixXd& cost) {
  Eigen::VectorXd sources = Eigen::VectorXd::Zero(cost.rows());
  Eigen::VectorXd sinks = Eigen::VectorXd::Zero(cost.cols());
  double sum = 0.0;
  for (const Shipment& shipment : SolveTransport(cost)) {
    EXPECT_GT(shipment.mass, 0.0);
    sources(shipment.source) += shipment.mass;
    sinks(shipment.sink) += shipment.mass;
    sum += shipment.mass * cost(shipment.source, shipment.sink);
  }
  const auto share = [](int64_t count) {
    return 1.0 / static_cast<double>(count);
  };
  EXPECT_LT((sources.array() - share(cost.rows())).abs().maxCoeff(), 1e-15);
  EXPECT_LT((sinks.array() - share(cost.cols())).abs().maxCoeff(), 1e-15);
  return sum;
}

TEST(TransportTest, IsTheBestAssignmentOfEqualParts) {
  uint64_t seed = 700;
  for (int64_t rows = 1; rows <= 9; ++rows) {
    for (int64_t cols = 1; cols <= 9; ++cols) {
      const Eigen::MatrixXd cost = Costs(rows, cols, seed++);
      EXPECT_NEAR(CheckedCost(cost), TransportByAssignment(cost), 1e-12)
          << rows << " x " << cols;
    }
  }
}

TEST(TransportTest, TiesAreFine) {
  for (uint64_t seed = 900; seed < 930; ++seed) {
    const Eigen::MatrixXd cost = Costs(6, 10, seed).array().round();
    EXPECT_NEAR(CheckedCost(cost), TransportByAssignment(cost), 1e-12);
  }
}

TEST(TransportTest, LargerPlansAreBestToo) {
  const Eigen::MatrixXd cost = Costs(24, 36, 950);
  EXPECT_NEAR(CheckedCost(cost), TransportByAssignment(cost), 1e-12);
}

}  // namespace
}  // namespace repscore
