#include "core/statistics/row_pair.h"

#include <gtest/gtest.h>

#include <utility>

#include "core/measures/reference.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

// Folds by subtraction against folds refitted from rows.
constexpr double kRefitTolerance = 1e-10;

/// Rows of a fold and those outside it.
struct Parts {
  Table train;
  Table held;
};

Parts Divided(const Table& table,
              const std::vector<int32_t>& fold_of_row,
              int32_t fold) {
  Parts parts = {.train = {0, table.cols, {}}, .held = {0, table.cols, {}}};
  for (int64_t i = 0; i < table.rows; ++i) {
    const bool held = fold_of_row[static_cast<size_t>(i)] == fold;
    Table& to = held ? parts.held : parts.train;
    for (int64_t j = 0; j < table.cols; ++j) {
      to.values.push_back(table.at(i, j));
    }
    ++to.rows;
  }
  return parts;
}

void SubtractTrainingMeans(Parts& parts) {
  for (int64_t j = 0; j < parts.train.cols; ++j) {
    double column = 0.0;
    for (int64_t i = 0; i < parts.train.rows; ++i) {
      column += parts.train.at(i, j) / static_cast<double>(parts.train.rows);
    }
    for (Table* table : {&parts.train, &parts.held}) {
      for (int64_t i = 0; i < table->rows; ++i) {
        table->at(i, j) -= column;
      }
    }
  }
}

/// system^-1 right, by Gauss-Jordan.
Table Solved(Table system, Table right) {
  for (int64_t k = 0; k < system.rows; ++k) {
    const double pivot = system.at(k, k);
    for (int64_t i = 0; i < system.rows; ++i) {
      if (i == k) {
        continue;
      }
      const double factor = system.at(i, k) / pivot;
      for (int64_t j = 0; j < system.cols; ++j) {
        system.at(i, j) -= factor * system.at(k, j);
      }
      for (int64_t j = 0; j < right.cols; ++j) {
        right.at(i, j) -= factor * right.at(k, j);
      }
    }
  }
  for (int64_t i = 0; i < right.rows; ++i) {
    for (int64_t j = 0; j < right.cols; ++j) {
      right.at(i, j) /= system.at(i, i);
    }
  }
  return right;
}

/// k-fold ridge as one writes it down: training means, normal equations, mean
/// of folds.
double RefittedRidge(const Pair& pair,
                     const std::vector<int32_t>& fold_of_row,
                     int32_t folds,
                     double lambda) {
  double mean = 0.0;
  for (int32_t f = 0; f < folds; ++f) {
    Parts x = Divided(pair.candidate, fold_of_row, f);
    Parts y = Divided(pair.reference, fold_of_row, f);
    SubtractTrainingMeans(x);
    SubtractTrainingMeans(y);
    Table system = Product(Transposed(x.train), x.train);
    for (int64_t i = 0; i < system.rows; ++i) {
      system.at(i, i) += lambda;
    }
    const Table weights =
        Solved(std::move(system), Product(Transposed(x.train), y.train));
    const Table error = Sum(1.0, y.held, -1.0, Product(x.held, weights));
    mean += (1.0 - Dot(error, error) / Dot(y.held, y.held)) /
            static_cast<double>(folds);
  }
  return mean;
}

TEST(FoldMomentsTest, FoldsBySubtractionEqualRefittedFolds) {
  for (const std::string rule : {"rows_contiguous(5)",
                                 "rows_shuffled(4,3)",
                                 "conditions_contiguous(3)",
                                 "conditions_shuffled(3,2)"}) {
    for (const int64_t p : {6, 60}) {
      const Pair pair = MixedPair(48, p, 5, 31);
      const Folds folds =
          *FoldRule::Parse(rule, {})->Assign({.rows = 48, .conditions = 12});
      const double refitted =
          RefittedRidge(pair, folds.fold_of_row, folds.count, 2.0);
      for (const Space space : {Space::kFeature, Space::kSample}) {
        const Outcome outcome =
            MustEvaluate("ridge_r2(folds=" + rule + ",lambda=2)",
                         pair,
                         {.space = space, .conditions = 12});

        EXPECT_NEAR(outcome.value, refitted, kRefitTolerance)
            << rule << " " << p << " " << SpaceName(space);
      }
    }
  }
}

TEST(FoldMomentsTest, ExplicitFoldsWithUntestedRowsMatchToo) {
  const Pair pair = MixedPair(30, 6, 4, 32);
  const std::shared_ptr<const Measure> measure = MustCreate(
      "ridge_r2(folds=explicit,lambda=2)", {{0, 5, 9}, {20, 1, 2, 3}});
  const std::vector<int32_t> assigned = [] {
    std::vector<int32_t> folds(30, -1);
    for (const size_t row : {0U, 5U, 9U}) {
      folds[row] = 0;
    }
    for (const size_t row : {20U, 1U, 2U, 3U}) {
      folds[row] = 1;
    }
    return folds;
  }();

  for (const Space space : {Space::kFeature, Space::kSample}) {
    const absl::StatusOr<Outcome> outcome =
        Evaluate(*measure, pair, {.space = space});

    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_NEAR(
        outcome->value, RefittedRidge(pair, assigned, 2, 2.0), kRefitTolerance);
  }
}

TEST(RowOrderTest, CellsRefineAllRulesAndInvertUndoesApply) {
  std::map<std::string, Folds> folds;
  folds["a"] = *FoldRule::Parse("rows_shuffled(3,1)", {})
                    ->Assign({.rows = 20, .conditions = 20});
  folds["b"] = *FoldRule::Parse("rows_contiguous(4)", {})
                    ->Assign({.rows = 20, .conditions = 20});
  const RowOrder order(20, folds);
  int64_t next = 0;
  for (const RowOrder::Cell& cell : order.cells()) {
    EXPECT_EQ(cell.first, next);
    next += cell.count;
    for (int64_t i = cell.first; i < next; ++i) {
      const auto row =
          static_cast<size_t>(order.permutation()[static_cast<size_t>(i)]);
      EXPECT_EQ(folds["a"].fold_of_row[row], cell.folds.at("a"));
      EXPECT_EQ(folds["b"].fold_of_row[row], cell.folds.at("b"));
    }
  }
  EXPECT_EQ(next, 20);

  Backend& backend = TestBackend();
  const Matrix rows = backend.Allocate(20, 2, ScalarType::kFloat64);
  backend.Upload(Normals(20, 2, 1).values, rows);
  const Matrix back = order.Invert(backend, order.Apply(backend, rows));
  backend.Axpby(-1.0, rows, 1.0, back);
  EXPECT_EQ(backend.Dot(back, back), 0.0);
}

TEST(ReferenceTest, CompressedRowsHaveTheSameKernel) {
  const absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), MakeDataset(Normals(12, 40, 2)));
  ASSERT_TRUE(reference.ok());
  const Matrix& compressed = (*reference)->compressed();
  const Matrix full = KernelOf(TestBackend(), (*reference)->centred());
  const Matrix small = KernelOf(TestBackend(), compressed);

  TestBackend().Axpby(-1.0, full, 1.0, small);

  EXPECT_EQ(compressed.cols(), 12);
  EXPECT_LT(std::sqrt(TestBackend().Dot(small, small)),
            1e-12 * std::sqrt(TestBackend().Dot(full, full)));
}

}  // namespace
}  // namespace repscore::testing
