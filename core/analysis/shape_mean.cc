#include "core/analysis/shape_mean.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/host.h"
#include "core/measures/reference.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr double kRounding = 1e-28;

class Procrustes {
 public:
  Procrustes(Backend& backend, bool unit_norm)
      : backend_(backend), unit_norm_(unit_norm) {}

  absl::Status Load(absl::Span<const System> systems) {
    if (systems.empty()) {
      return absl::InvalidArgumentError("systems: there are none");
    }
    for (size_t i = 0; i < systems.size(); ++i) {
      REPSCORE_RETURN_IF_ERROR(
          LoadOne(systems[i].rows, StrCat("systems[", i, "]")));
      if (rows_[i].rows() != rows_[0].rows()) {
        return absl::InvalidArgumentError(StrCat("systems[",
                                                 i,
                                                 "]: has ",
                                                 rows_[i].rows(),
                                                 " rows, but systems[0] has ",
                                                 rows_[0].rows()));
      }
      if (rows_[i].cols() > rows_[widest_].cols()) {
        widest_ = i;
      }
    }
    // In at most n columns: rotations do not change a distance.
    int64_t columns = 0;
    for (const Matrix& rows : rows_) {
      compressed_.push_back(backend_.CompressColumns(rows));
      columns = std::max(columns, compressed_.back().cols());
    }
    const Matrix& first = compressed_[widest_];
    mean_ = backend_.Allocate(first.rows(), columns, kDouble);
    backend_.Fill(0.0, mean_);
    backend_.Axpby(1.0, first, 0.0, mean_.Columns(0, first.cols()));
    return absl::OkStatus();
  }

  double mean_squared_norm() {
    double sum = 0.0;
    for (const Matrix& rows : compressed_) {
      sum += backend_.Dot(rows, rows);
    }
    return sum / static_cast<double>(compressed_.size());
  }

  /// Rotates all systems onto the mean and averages them. Squared distances
  /// are those from the new mean, under these rotations.
  std::vector<double> Step() {
    const auto count = static_cast<double>(compressed_.size());
    std::vector<Matrix> aligned;
    const Matrix next = backend_.Allocate(mean_.rows(), mean_.cols(), kDouble);
    backend_.Fill(0.0, next);
    for (const Matrix& rows : compressed_) {
      aligned.push_back(Aligned(rows, mean_));
      backend_.Axpby(1.0 / count, aligned.back(), 1.0, next);
    }
    mean_ = next;
    std::vector<double> squared;
    for (const Matrix& rows : aligned) {
      backend_.Axpby(-1.0, mean_, 1.0, rows);
      squared.push_back(backend_.Dot(rows, rows));
    }
    return squared;
  }

  /// Distances of all systems from the mean, best rotations.
  std::vector<double> Distances() {
    std::vector<double> distances;
    for (const Matrix& rows : compressed_) {
      const Matrix aligned = Aligned(rows, mean_);
      backend_.Axpby(-1.0, mean_, 1.0, aligned);
      distances.push_back(std::sqrt(backend_.Dot(aligned, aligned)));
    }
    return distances;
  }

  /// The mean in the axes of the widest system.
  HostArray Mean() {
    const Matrix rows = Aligned(mean_, rows_[widest_]);
    const Matrix row_major =
        backend_.Allocate(rows.cols(), rows.rows(), kDouble);
    backend_.Transpose(rows, row_major);
    std::vector<double> values(static_cast<size_t>(rows.size()));
    backend_.Download(row_major, absl::MakeSpan(values));
    HostArray mean;
    mean.spec = {.type = DataType::kFloat64,
                 .shape = {rows.rows(), rows.cols()}};
    mean.data.resize(values.size() * sizeof(double));
    std::memcpy(mean.data.data(), values.data(), mean.data.size());
    return mean;
  }

 private:
  absl::Status LoadOne(const HostArray& array, const std::string& field) {
    REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                              CheckedByteSize(array.spec, field));
    if (static_cast<int64_t>(array.data.size()) != bytes) {
      return absl::InvalidArgumentError(StrCat(field,
                                               ": has ",
                                               array.data.size(),
                                               " bytes, but ",
                                               ToString(array.spec),
                                               " takes ",
                                               bytes));
    }
    const int64_t n = RowCount(array.spec);
    const int64_t p = FeatureCount(array.spec);
    std::vector<double> values(static_cast<size_t>(n * p));
    ConvertToDouble(array.spec.type, array.data, absl::MakeSpan(values));
    REPSCORE_RETURN_IF_ERROR(CheckFinite(values, p, 0, field));
    double largest = 0.0;
    for (const double value : values) {
      largest = std::max(largest, std::abs(value));
    }
    const Matrix row_major = backend_.Allocate(p, n, kDouble);
    backend_.Upload(values, row_major);
    Matrix rows = backend_.Allocate(n, p, kDouble);
    backend_.Transpose(row_major, rows);
    backend_.CentreColumns(rows, backend_.Allocate(p, 1, kDouble));
    const double norm = backend_.Dot(rows, rows);
    if (!HasVariance(norm, largest, n, p)) {
      return absl::InvalidArgumentError(
          StrCat(field, ": has no variance over its ", n, " rows"));
    }
    if (unit_norm_) {
      const Matrix scaled = backend_.Allocate(n, p, kDouble);
      backend_.Axpby(1.0 / std::sqrt(norm), rows, 0.0, scaled);
      rows = scaled;
    }
    rows_.push_back(std::move(rows));
    return absl::OkStatus();
  }

  /// X Q, Q the polar factor of X'Z: X [n x p], padded with zero columns, as
  /// close to Z [n x r] as rotations bring it, p <= r.
  Matrix Aligned(const Matrix& rows, const Matrix& target) {
    const Matrix cross = backend_.Allocate(rows.cols(), target.cols(), kDouble);
    backend_.Gemm(Op::kTranspose, Op::kNone, 1.0, rows, target, 0.0, cross);
    const Matrix rotation = Rotation(cross);
    Matrix out = backend_.Allocate(rows.rows(), target.cols(), kDouble);
    backend_.Gemm(Op::kNone, Op::kNone, 1.0, rows, rotation, 0.0, out);
    return out;
  }

  /// The polar factor [p x r] with orthonormal rows, completed where the cross
  /// product has no full rank: no part of X may get lost.
  Matrix Rotation(const Matrix& cross) {
    Matrix rotation = backend_.Allocate(cross.rows(), cross.cols(), kDouble);
    backend_.Polar(cross, PolarMethod::kSvd, rotation);
    const double rank = backend_.Dot(rotation, rotation);
    if (rank > static_cast<double>(cross.rows()) - 0.5) {
      return rotation;
    }
    const int64_t k = std::min(cross.rows(), cross.cols());
    const Matrix u = backend_.Allocate(cross.rows(), k, kDouble);
    const Matrix vt = backend_.Allocate(k, cross.cols(), kDouble);
    backend_.Svd(cross, u, vt);
    backend_.Gemm(Op::kNone, Op::kNone, 1.0, u, vt, 0.0, rotation);
    return rotation;
  }

  Backend& backend_;
  const bool unit_norm_;
  size_t widest_ = 0;
  std::vector<Matrix> rows_;
  std::vector<Matrix> compressed_;
  Matrix mean_;
};

double MeanOf(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

}  // namespace

absl::StatusOr<ShapeMean> FrechetMean(
    Backend& backend,
    absl::Span<const System> systems,
    bool unit_norm,
    double tolerance,
    int64_t max_iterations,
    const std::function<absl::Status()>& keep_going) {
  return Guarded([&]() -> absl::StatusOr<ShapeMean> {
    if (!(tolerance >= 0.0 && tolerance < 1.0)) {
      return absl::InvalidArgumentError(
          StrCat("tolerance: ", tolerance, ", must be in [0, 1)"));
    }
    if (max_iterations < 1) {
      return absl::InvalidArgumentError(
          StrCat("max_iterations: ", max_iterations, ", must be positive"));
    }
    Procrustes procrustes(backend, unit_norm);
    REPSCORE_RETURN_IF_ERROR(procrustes.Load(systems));
    // Below this the variance is rounding.
    const double floor = kRounding * procrustes.mean_squared_norm();
    ShapeMean result;
    double variance = 0.0;
    while (result.iterations < max_iterations && !result.converged) {
      if (keep_going) {
        REPSCORE_RETURN_IF_ERROR(keep_going());
      }
      const double next = MeanOf(procrustes.Step());
      result.converged =
          next <= floor ||
          (result.iterations > 0 && variance - next <= tolerance * variance);
      variance = next;
      ++result.iterations;
    }
    result.distances = procrustes.Distances();
    for (const double distance : result.distances) {
      result.variance +=
          distance * distance / static_cast<double>(result.distances.size());
    }
    result.mean = procrustes.Mean();
    return result;
  });
}

}  // namespace repscore
