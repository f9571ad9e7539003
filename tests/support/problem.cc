#include "tests/support/problem.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>

#include "core/analysis/score_stream.h"
#include "core/backend/create.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/measures/reference.h"
#include "core/statistics/row_pair.h"

namespace repscore::testing {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

Backend*& CurrentBackend() {
  static Backend* backend = [] {
    const char* const device = std::getenv("REPSCORE_TEST_DEVICE");
    return CreateBackend(device == nullptr ? "cpu" : device, 1)
        .value()
        .release();
  }();
  return backend;
}

Matrix ToMatrix(const Table& table, ScalarType type) {
  Backend& backend = TestBackend();
  const Matrix transposed = backend.Allocate(table.cols, table.rows, kDouble);
  backend.Upload(table.values, transposed);
  const Matrix wide = backend.Allocate(table.rows, table.cols, kDouble);
  backend.Transpose(transposed, wide);
  Matrix out = backend.Allocate(table.rows, table.cols, type);
  backend.Copy(wide, out);
  return out;
}

Table ToTable(const Matrix& matrix) {
  Backend& backend = TestBackend();
  Table table = {matrix.rows(), matrix.cols(), {}};
  std::vector<double> columns(static_cast<size_t>(matrix.size()));
  backend.Download(matrix, absl::MakeSpan(columns));
  table.values.resize(columns.size());
  for (int64_t i = 0; i < table.rows; ++i) {
    for (int64_t j = 0; j < table.cols; ++j) {
      table.at(i, j) = columns[static_cast<size_t>(j * table.rows + i)];
    }
  }
  return table;
}

/// Column means [cols x 1].
Matrix MeansOf(const Table& table) {
  Table means = {table.cols, 1, {}};
  for (int64_t j = 0; j < table.cols; ++j) {
    double mean = 0.0;
    for (int64_t i = 0; i < table.rows; ++i) {
      mean += table.at(i, j) / static_cast<double>(table.rows);
    }
    means.values.push_back(mean);
  }
  return ToMatrix(means, kDouble);
}

Table GradientOf(const PullBackTerms& terms, const RowOrder& order) {
  Backend& backend = TestBackend();
  const Matrix gradient =
      backend.Allocate(terms.own.rows(), terms.own.cols(), terms.own.type());
  backend.PullBack(terms, gradient);
  return ToTable(order.Invert(backend, gradient));
}

}  // namespace

Table Product(const Table& a, const Table& b) {
  Table c = {a.rows,
             b.cols,
             std::vector<double>(static_cast<size_t>(a.rows * b.cols), 0.0)};
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t k = 0; k < a.cols; ++k) {
      for (int64_t j = 0; j < b.cols; ++j) {
        c.at(i, j) += a.at(i, k) * b.at(k, j);
      }
    }
  }
  return c;
}

Table Transposed(const Table& a) {
  Table t = {a.cols, a.rows, std::vector<double>(a.values.size())};
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.cols; ++j) {
      t.at(j, i) = a.at(i, j);
    }
  }
  return t;
}

Table Sum(double alpha, const Table& a, double beta, const Table& b) {
  Table sum = a;
  for (size_t i = 0; i < sum.values.size(); ++i) {
    sum.values[i] = alpha * a.values[i] + beta * b.values[i];
  }
  return sum;
}

double Dot(const Table& a, const Table& b) {
  double dot = 0.0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    dot += a.values[i] * b.values[i];
  }
  return dot;
}

double Norm(const Table& a) {
  return std::sqrt(Dot(a, a));
}

Table Centred(const Table& a) {
  Table centred = a;
  for (int64_t j = 0; j < a.cols; ++j) {
    double mean = 0.0;
    for (int64_t i = 0; i < a.rows; ++i) {
      mean += a.at(i, j) / static_cast<double>(a.rows);
    }
    for (int64_t i = 0; i < a.rows; ++i) {
      centred.at(i, j) -= mean;
    }
  }
  return centred;
}

Table Normals(int64_t rows, int64_t cols, uint64_t seed) {
  Table table = {
      rows, cols, std::vector<double>(static_cast<size_t>(rows * cols))};
  Philox(seed, 77).FillNormal(0, absl::MakeSpan(table.values));
  return table;
}

Table RandomOrthogonal(int64_t size, uint64_t seed) {
  Table q = Normals(size, size, seed);
  for (int64_t j = 0; j < size; ++j) {
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t k = 0; k < j; ++k) {
        double dot = 0.0;
        for (int64_t i = 0; i < size; ++i) {
          dot += q.at(i, j) * q.at(i, k);
        }
        for (int64_t i = 0; i < size; ++i) {
          q.at(i, j) -= dot * q.at(i, k);
        }
      }
    }
    double norm = 0.0;
    for (int64_t i = 0; i < size; ++i) {
      norm += q.at(i, j) * q.at(i, j);
    }
    for (int64_t i = 0; i < size; ++i) {
      q.at(i, j) /= std::sqrt(norm);
    }
  }
  return q;
}

GoldenPair MakeGoldenPair() {
  std::mt19937 generator(0);
  const auto draw = [&generator] {
    Table table = {30, 25, std::vector<double>(750)};
    for (double& value : table.values) {
      const auto high = static_cast<double>(generator() >> 5U);
      const auto low = static_cast<double>(generator() >> 6U);
      value = (high * 67108864.0 + low) / 9007199254740992.0;
    }
    return table;
  };
  GoldenPair pair;
  pair.a = draw();
  pair.b = draw();
  return pair;
}

Pair MixedPair(int64_t n, int64_t p, int64_t q, uint64_t seed) {
  Pair pair;
  pair.reference = Normals(n, q, seed);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < q; ++j) {
      const double position =
          q > 1 ? static_cast<double>(j) / static_cast<double>(q - 1) : 0.5;
      pair.reference.at(i, j) *= 0.3 + 1.2 * position;
    }
  }
  const Table noise = Normals(n, p, seed + 1);
  const Table mixing = Normals(q, p, seed + 2);
  pair.candidate = Sum(1.0 / std::sqrt(static_cast<double>(q)),
                       Product(pair.reference, mixing),
                       0.5,
                       noise);
  for (double& value : pair.candidate.values) {
    value += 1.0;
  }
  return pair;
}

Backend& TestBackend() {
  return *CurrentBackend();
}

ScopedTestBackend::ScopedTestBackend(Backend& backend)
    : previous_(std::exchange(CurrentBackend(), &backend)) {}

ScopedTestBackend::~ScopedTestBackend() {
  CurrentBackend() = previous_;
}

HostArray ToHostArray(const Table& table) {
  HostArray array;
  array.spec = {.type = DataType::kFloat64, .shape = {table.rows, table.cols}};
  array.data.resize(table.values.size() * sizeof(double));
  std::memcpy(array.data.data(), table.values.data(), array.data.size());
  return array;
}

Table FromHostArray(const HostArray& array) {
  Table table = {RowCount(array.spec), FeatureCount(array.spec), {}};
  table.values.resize(static_cast<size_t>(table.rows * table.cols));
  ConvertToDouble(array.spec.type, array.data, absl::MakeSpan(table.values));
  return table;
}

std::shared_ptr<const Dataset> MakeDataset(const Table& table) {
  return MakeDataset(ToHostArray(table));
}

std::shared_ptr<const Dataset> MakeDataset(HostArray array) {
  auto dataset = std::make_shared<Dataset>();
  dataset->name = "datasets/test/versions/1";
  dataset->version = 1;
  dataset->description.spec = array.spec;
  EXPECT_TRUE(Normalize(dataset->description).ok());
  dataset->data = std::move(array.data);
  return dataset;
}

std::shared_ptr<const Measure> MustCreate(
    const std::string& id, std::vector<std::vector<int64_t>> explicit_folds) {
  absl::StatusOr<std::shared_ptr<const Measure>> measure = CreateMeasure(
      {.id = id, .explicit_folds = std::move(explicit_folds)}, "measure");
  if (!measure.ok()) {
    ADD_FAILURE() << measure.status();
    return nullptr;
  }
  return *std::move(measure);
}

namespace {

/// One trajectory for measures of time, else every row is a condition.
int64_t ConditionsOf(const Measure& measure,
                     const ProblemSize& size,
                     const EvaluateOptions& options) {
  if (options.conditions > 0) {
    return options.conditions;
  }
  return measure.info().needs_time ? 1 : size.rows;
}

}  // namespace

absl::StatusOr<Outcome> Evaluate(const Measure& measure,
                                 const Pair& pair,
                                 const EvaluateOptions& options) {
  Backend& backend = TestBackend();
  ProblemSize size;
  size.rows = pair.candidate.rows;
  size.candidate_features = pair.candidate.cols;
  size.reference_features = pair.reference.cols;
  size.space =
      options.space.value_or(ChooseSpace(size.rows, size.candidate_features));
  REPSCORE_RETURN_IF_ERROR(measure.CheckSize(size));
  std::map<std::string, Folds> folds;
  if (const FoldRule* rule = measure.fold_rule(); rule != nullptr) {
    REPSCORE_ASSIGN_OR_RETURN(
        folds[rule->ToString()],
        rule->Assign({.rows = size.rows,
                      .conditions = ConditionsOf(measure, size, options)}));
  }
  const RowOrder order(size.rows, std::move(folds));
  RowPair rows;
  rows.candidate_means = MeansOf(pair.candidate);
  rows.reference_means = MeansOf(pair.reference);
  rows.candidate =
      order.Apply(backend, ToMatrix(Centred(pair.candidate), options.storage));
  rows.exact_reference =
      order.Apply(backend, ToMatrix(Centred(pair.reference), kDouble));
  rows.reference =
      order.Apply(backend, ToMatrix(Centred(pair.reference), options.storage));
  Statistics statistics =
      ComputeStatistics(backend, rows, order, measure.Needs(size), {});
  statistics.size.space = size.space;
  REPSCORE_ASSIGN_OR_RETURN(
      const Evaluation evaluation,
      measure.Evaluate(statistics,
                       {.candidate = options.candidate_gradient,
                        .reference = options.reference_gradient},
                       options.accuracy));
  Outcome outcome;
  outcome.value = evaluation.value;
  outcome.at_optimum = evaluation.at_optimum;
  outcome.error = evaluation.error;
  outcome.warnings = evaluation.warnings;
  if (options.candidate_gradient) {
    outcome.candidate_gradient = GradientOf(
        CandidatePullBack(backend, rows, order, evaluation.adjoint), order);
  }
  if (options.reference_gradient) {
    outcome.reference_gradient = GradientOf(
        ReferencePullBack(backend, rows, order, evaluation.adjoint), order);
  }
  return outcome;
}

Outcome MustEvaluate(const std::string& id,
                     const Pair& pair,
                     const EvaluateOptions& options) {
  const std::shared_ptr<const Measure> measure = MustCreate(id);
  if (measure == nullptr) {
    return {};
  }
  absl::StatusOr<Outcome> outcome = Evaluate(*measure, pair, options);
  if (!outcome.ok()) {
    ADD_FAILURE() << id << ": " << outcome.status();
    return {};
  }
  return *std::move(outcome);
}

absl::StatusOr<double> StreamedScore(const std::string& id, const Pair& pair) {
  const std::shared_ptr<const Measure> measure = MustCreate(id);
  HostArray dataset = ToHostArray(pair.reference);
  HostArray candidate = ToHostArray(pair.candidate);
  if (measure->info().needs_time) {
    for (HostArray* array : {&dataset, &candidate}) {
      array->spec.shape.insert(array->spec.shape.begin() + 1, 1);
    }
  }
  REPSCORE_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Reference> reference,
      Reference::Create(TestBackend(), MakeDataset(std::move(dataset))));
  REPSCORE_ASSIGN_OR_RETURN(
      const std::unique_ptr<ScoreStream> stream,
      ScoreStream::Create(reference, {measure}, candidate.spec));
  REPSCORE_RETURN_IF_ERROR(stream->Append(candidate.data));
  REPSCORE_ASSIGN_OR_RETURN(const ScoreReport report, stream->Finish());
  return report.scores.front().value;
}

}  // namespace repscore::testing
