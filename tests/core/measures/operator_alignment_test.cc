// Orthogonal alignment of operators: known answers, both determinants, and
// agreement of all restarts.
#include "core/measures/operator_alignment.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// The search stops where the gradient is rounding; the distance is linear in
// what is left.
constexpr double kAligned = 1e-7;

Eigen::MatrixXd ToEigen(const Table& table) {
  Eigen::MatrixXd matrix(table.rows, table.cols);
  for (int64_t i = 0; i < table.rows; ++i) {
    for (int64_t j = 0; j < table.cols; ++j) {
      matrix(i, j) = table.at(i, j);
    }
  }
  return matrix;
}

TEST(OperatorAlignmentTest, FindsRotationsAndReflections) {
  for (const int64_t size : {2, 10, 25, 50, 100}) {
    for (const double sign : {1.0, -1.0}) {
      const auto seed = static_cast<uint64_t>(size);
      const Eigen::MatrixXd a = ToEigen(Normals(size, size, seed)) /
                                std::sqrt(static_cast<double>(size));
      Eigen::MatrixXd q = ToEigen(RandomOrthogonal(size, seed + 1));
      if (q.determinant() * sign < 0.0) {
        q.col(0) = -q.col(0);
      }

      const OperatorAlignment alignment =
          AlignOperators(a, q.transpose() * a * q, {.restarts = 0});

      EXPECT_LT(alignment.distance, kAligned * a.norm()) << size;
      EXPECT_TRUE(alignment.converged) << size;
      const Eigen::MatrixXd& c = alignment.rotation;
      EXPECT_LT(
          (c * c.transpose() - Eigen::MatrixXd::Identity(size, size)).norm(),
          1e-11);
    }
  }
}

TEST(OperatorAlignmentTest, NormalOperatorsAreAsFarApartAsTheirEigenvalues) {
  // Of symmetric operators, the sorted eigenvalues decide (Hoffman-Wielandt).
  const Eigen::VectorXd a{{3.0, -1.0, 0.5}};
  const Eigen::VectorXd b{{0.2, 2.0, -2.0}};
  const Eigen::MatrixXd q = ToEigen(RandomOrthogonal(3, 7));

  const OperatorAlignment alignment = AlignOperators(
      a.asDiagonal(), q * b.asDiagonal() * q.transpose(), {.restarts = 4});

  EXPECT_NEAR(alignment.distance, std::sqrt(1.0 + 0.3 * 0.3 + 1.0), kAligned);
}

TEST(OperatorAlignmentTest, IsTheSameForExchangedOperators) {
  const Eigen::MatrixXd a = ToEigen(Normals(6, 6, 11));
  const Eigen::MatrixXd b = ToEigen(Normals(6, 6, 12));

  EXPECT_EQ(AlignOperators(a, b, {}).distance,
            AlignOperators(b, a, {}).distance);
}

TEST(OperatorAlignmentTest, MoreRestartsAreNeverWorse) {
  const Eigen::MatrixXd a = ToEigen(Normals(8, 8, 21));
  const Eigen::MatrixXd b = ToEigen(Normals(8, 8, 22));
  double last = AlignOperators(a, b, {.restarts = 0}).distance;
  for (const int64_t restarts : {2, 8, 32}) {
    const double distance =
        AlignOperators(a, b, {.restarts = restarts}).distance;
    EXPECT_LE(distance, last);
    last = distance;
  }
}

}  // namespace
}  // namespace repscore::testing
