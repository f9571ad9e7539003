// A candidate against a dataset, as the service has them when it computes the
// context of scores.
#ifndef REPSCORE_TESTS_CORE_ANALYSIS_CONTEXT_PROBLEM_H_
#define REPSCORE_TESTS_CORE_ANALYSIS_CONTEXT_PROBLEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/analysis/context.h"
#include "core/analysis/resampling.h"
#include "core/measures/host.h"
#include "gtest/gtest.h"
#include "tests/support/problem.h"

namespace repscore::testing {

using Measures = std::vector<std::shared_ptr<const Measure>>;

inline Measures Created(const std::vector<std::string>& ids) {
  Measures measures;
  for (const std::string& id : ids) {
    measures.push_back(MustCreate(id));
  }
  return measures;
}

/// Rows are row = time * conditions + condition; row ids where there are some.
inline std::shared_ptr<Dataset> TimedDataset(
    const Table& rows,
    int64_t times,
    const std::vector<std::string>& row_ids = {}) {
  auto dataset = std::make_shared<Dataset>(*MakeDataset(rows));
  dataset->description.axes.clear();
  dataset->description.spec.shape = {times, rows.rows / times, rows.cols};
  dataset->description.row_ids = row_ids;
  EXPECT_TRUE(Normalize(dataset->description).ok());
  return dataset;
}

struct ContextProblem {
  std::shared_ptr<const Reference> reference;
  Measures measures;
  std::vector<double> scores;
  std::vector<UnitScores> units = {};
  Sides sides;
};

inline ContextProblem Prepare(const Table& candidate,
                              std::shared_ptr<const Dataset> dataset,
                              const Measures& measures) {
  using RowMajor =
      Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Backend& backend = TestBackend();
  ContextProblem problem;
  problem.measures = measures;
  absl::StatusOr<std::shared_ptr<const Reference>> reference =
      Reference::Create(backend, std::move(dataset));
  EXPECT_TRUE(reference.ok()) << reference.status();
  problem.reference = *reference;
  const Eigen::MatrixXd rows = Eigen::Map<const RowMajor>(
      candidate.values.data(), candidate.rows, candidate.cols);
  problem.sides = {.candidate = ToBackend(backend, rows),
                   .candidate_means = backend.Allocate(
                       candidate.cols, 1, ScalarType::kFloat64),
                   .reference = problem.reference->centred(),
                   .compressed = problem.reference->compressed(),
                   .reference_means = problem.reference->means()};
  backend.CentreColumns(problem.sides.candidate, problem.sides.candidate_means);
  const absl::StatusOr<Resampler> resampler =
      Resampler::Create(*problem.reference, measures);
  EXPECT_TRUE(resampler.ok()) << resampler.status();
  std::string failure;
  for (const auto& value : resampler->Score(problem.sides, failure)) {
    problem.scores.push_back(value.value_or(-100.0));
  }
  EXPECT_EQ(failure, "");
  problem.units.resize(measures.size());
  return problem;
}

inline absl::StatusOr<std::vector<ScoreContext>> ContextsOf(
    const ContextProblem& problem,
    const ContextRequest& request,
    const KeepGoing& keep_going = {}) {
  return ComputeContext(
      *problem.reference,
      problem.measures,
      problem.scores,
      problem.units,
      {problem.sides.candidate, problem.sides.candidate_means},
      request,
      keep_going);
}

inline std::vector<ScoreContext> MustContexts(const ContextProblem& problem,
                                              const ContextRequest& request) {
  absl::StatusOr<std::vector<ScoreContext>> contexts =
      ContextsOf(problem, request);
  EXPECT_TRUE(contexts.ok()) << contexts.status();
  return contexts.ok() ? *std::move(contexts)
                       : std::vector<ScoreContext>(problem.measures.size());
}

}  // namespace repscore::testing

#endif  // REPSCORE_TESTS_CORE_ANALYSIS_CONTEXT_PROBLEM_H_
