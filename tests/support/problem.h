// Pairs of matrices for tests of measures, and their evaluation by hand: rows
// on a backend, statistics, value, gradients on the rows.
#ifndef REPSCORE_TESTS_SUPPORT_PROBLEM_H_
#define REPSCORE_TESTS_SUPPORT_PROBLEM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/backend/backend.h"
#include "core/data/dataset.h"
#include "core/measures/registry.h"

namespace repscore::testing {

/// Row-major [rows x cols].
struct Table {
  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<double> values;

  double& at(int64_t i, int64_t j) {
    return values[static_cast<size_t>(i * cols + j)];
  }
  double at(int64_t i, int64_t j) const {
    return values[static_cast<size_t>(i * cols + j)];
  }
};

Table Product(const Table& a, const Table& b);
Table Transposed(const Table& a);
Table Sum(double alpha, const Table& a, double beta, const Table& b);
double Dot(const Table& a, const Table& b);
double Norm(const Table& a);
Table Centred(const Table& a);
Table Normals(int64_t rows, int64_t cols, uint64_t seed);
/// Orthogonal [size x size], by Gram-Schmidt of normals.
Table RandomOrthogonal(int64_t size, uint64_t seed);

/// Golden pair G0: NumPy's legacy seed 0, two 30 x 25 uniform arrays, A0 first.
struct GoldenPair {
  Table a;
  Table b;
};
GoldenPair MakeGoldenPair();

/// A pair as the gradient protocol wants it: reference columns of scales .3 to
/// 1.5, candidate a mixture of reference and noise with offsets of 1.
struct Pair {
  Table candidate;
  Table reference;
};
Pair MixedPair(int64_t n, int64_t p, int64_t q, uint64_t seed);

/// Where tests compute: the device named in REPSCORE_TEST_DEVICE, else the CPU,
/// unless a ScopedTestBackend says otherwise.
Backend& TestBackend();

class ScopedTestBackend {
 public:
  explicit ScopedTestBackend(Backend& backend);
  ~ScopedTestBackend();
  ScopedTestBackend(const ScopedTestBackend&) = delete;
  ScopedTestBackend& operator=(const ScopedTestBackend&) = delete;

 private:
  Backend* const previous_;
};

std::shared_ptr<const Dataset> MakeDataset(const Table& table);
/// [row, feature] or [time, condition, feature].
std::shared_ptr<const Dataset> MakeDataset(HostArray array);
HostArray ToHostArray(const Table& table);
Table FromHostArray(const HostArray& array);

struct Outcome {
  double value = 0.0;
  Table candidate_gradient;
  Table reference_gradient;
  bool at_optimum = false;
  std::optional<double> error;
  std::vector<MeasureWarning> warnings;
};

struct EvaluateOptions {
  bool candidate_gradient = false;
  bool reference_gradient = false;
  /// Forced space; chosen by size when empty.
  std::optional<Space> space = std::nullopt;
  ScalarType storage = ScalarType::kFloat64;
  Accuracy accuracy = Accuracy::kExact;
  /// Conditions per time bin; 0: every row is a condition, or all are of one
  /// where the measure needs time.
  int64_t conditions = 0;
};

std::shared_ptr<const Measure> MustCreate(
    const std::string& id,
    std::vector<std::vector<int64_t>> explicit_folds = {});

/// Evaluates with the rows resident on TestBackend().
absl::StatusOr<Outcome> Evaluate(const Measure& measure,
                                 const Pair& pair,
                                 const EvaluateOptions& options = {});

/// As Evaluate, failing the test on an error.
Outcome MustEvaluate(const std::string& id,
                     const Pair& pair,
                     const EvaluateOptions& options = {});

/// The score as a client gets it: through ScoreStream. The rows are a
/// trajectory of one condition where the measure needs time.
absl::StatusOr<double> StreamedScore(const std::string& id, const Pair& pair);

}  // namespace repscore::testing

#endif  // REPSCORE_TESTS_SUPPORT_PROBLEM_H_
