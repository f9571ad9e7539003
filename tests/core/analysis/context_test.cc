#include "core/analysis/context.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/analysis/resampling.h"
#include "core/measures/host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/problem.h"

namespace repscore {
namespace {

using testing::Centred;
using ::testing::HasSubstr;
using testing::MakeDataset;
using testing::MixedPair;
using testing::MustCreate;
using testing::Normals;
using testing::Pair;
using testing::Product;
using testing::StreamedScore;
using testing::Sum;
using testing::Table;
using testing::TestBackend;

using Measures = std::vector<std::shared_ptr<const Measure>>;

Measures Created(const std::vector<std::string>& ids) {
  Measures measures;
  for (const std::string& id : ids) {
    measures.push_back(MustCreate(id));
  }
  return measures;
}

Matrix ToMatrix(const Table& table) {
  using RowMajor =
      Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd matrix =
      Eigen::Map<const RowMajor>(table.values.data(), table.rows, table.cols);
  return ToBackend(TestBackend(), matrix);
}

/// A candidate against a dataset, as the service has them.
struct Problem {
  std::shared_ptr<const Reference> reference;
  Measures measures;
  std::vector<double> scores;
  Matrix rows;
  Matrix means;
};

Problem Prepare(const Table& candidate,
                std::shared_ptr<const Dataset> dataset,
                const Measures& measures) {
  Problem problem;
  absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(TestBackend(), std::move(dataset));
  EXPECT_TRUE(reference.ok()) << reference.status();
  problem.reference = *reference;
  problem.measures = measures;
  problem.rows = ToMatrix(candidate);
  problem.means =
      TestBackend().Allocate(candidate.cols, 1, ScalarType::kFloat64);
  TestBackend().CentreColumns(problem.rows, problem.means);
  const absl::StatusOr<Resampler> resampler =
      Resampler::Create(*problem.reference, measures);
  EXPECT_TRUE(resampler.ok()) << resampler.status();
  std::string failure;
  for (const auto& value : resampler->Score({.candidate = problem.rows,
                           .candidate_means = problem.means,
                           .reference = problem.reference->centred(),
                           .compressed = problem.reference->compressed(),
                           .reference_means = problem.reference->means()},
                                            failure)) {
    problem.scores.push_back(value.value_or(-100.0));
  }
  EXPECT_EQ(failure, "");
  return problem;
}

std::vector<ScoreContext> Must(const Problem& problem,
                               const ContextRequest& request) {
  absl::StatusOr<std::vector<ScoreContext>> contexts =
      ComputeContext(*problem.reference,
                     problem.measures,
                     problem.scores,
                     problem.rows,
                     problem.means,
                     request,
                     {});
  EXPECT_TRUE(contexts.ok()) << contexts.status();
  return contexts.ok() ? *std::move(contexts)
                       : std::vector<ScoreContext>(problem.measures.size());
}

/// Correlated gaussians: three shared dimensions, three of each side's own.
Pair Correlated(int64_t n, int64_t p, int64_t q, uint64_t seed) {
  const Table shared = Normals(n, 3, 5 * seed);
  Pair pair;
  pair.candidate = Sum(1.0,
                       Product(shared, Normals(3, p, 1000001)),
                       1.0,
                       Normals(n, p, 5 * seed + 1));
  pair.reference = Sum(1.0,
                       Product(shared, Normals(3, q, 1000002)),
                       1.5,
                       Normals(n, q, 5 * seed + 2));
  return pair;
}

struct Coverage {
  double share = 0.0;
  double below = 0.0;
  double width = 0.0;
};

std::vector<Coverage> CoverageOf(const Measures& measures,
                                 int64_t n,
                                 int64_t p,
                                 int64_t q,
                                 int sets,
                                 int64_t draws) {
  const Pair large = Correlated(200000 / std::max(p, q) * 4, p, q, 1);
  const Problem truth =
      Prepare(large.candidate, MakeDataset(large.reference), measures);
  std::vector<Coverage> coverage(measures.size());
  for (int set = 0; set < sets; ++set) {
    const Pair pair = Correlated(n, p, q, 100 + static_cast<uint64_t>(set));
    const Problem problem =
        Prepare(pair.candidate, MakeDataset(pair.reference), measures);
    const std::vector<ScoreContext> contexts =
        Must(problem,
             {.bootstrap_draws = draws, .seed = static_cast<uint64_t>(set)});
    for (size_t m = 0; m < measures.size(); ++m) {
      EXPECT_TRUE(contexts[m].interval.has_value());
      const Interval& interval = *contexts[m].interval;
      coverage[m].share += (interval.lower <= truth.scores[m] &&
                            truth.scores[m] <= interval.upper) /
                           static_cast<double>(sets);
      coverage[m].below +=
          (truth.scores[m] < interval.lower) / static_cast<double>(sets);
      coverage[m].width +=
          (interval.upper - interval.lower) / static_cast<double>(sets);
    }
  }
  return coverage;
}

TEST(IntervalTest, CoversTheTruthAsOftenAsItSays) {
  const Measures measures = Created(
      {"cka.debiased", "linear_r2", "ridge_r2", "cka", "nbs", "cka.angular"});
  for (const int64_t p : {4, 8}) {
    for (const int64_t n : {60}) {
      const auto start = std::chrono::steady_clock::now();
      const std::vector<Coverage> coverage =
          CoverageOf(measures, n, p, 5, 400, 200);
      fprintf(stderr,
              "n=%ld p=%ld %.1f s\n",
              n,
              p,
              std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                            start)
                  .count());
      for (size_t m = 0; m < measures.size(); ++m) {
        fprintf(stderr,
                "   %-60s cover %.3f below %.3f width %.3f\n",
                measures[m]->id().c_str(),
                coverage[m].share,
                coverage[m].below,
                coverage[m].width);
      }
    }
  }
}

}  // namespace
}  // namespace repscore
