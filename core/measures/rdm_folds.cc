#include "core/measures/rdm_folds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
// Differences between folds smaller than this, squared and against the squared
// means, are rounding.
constexpr double kSmallestNoise = 1e-24;
// Smallest pivot of the noise covariance against its diagonal.
constexpr double kSmallestPivot = 1e3 * kEpsilon;

/// Rows of every fold [c x p], without their column means.
absl::StatusOr<std::vector<Eigen::MatrixXd>> Measurements(
    const RdmRule& rule, const Statistics& statistics, Side side) {
  const Eigen::MatrixXd rows = CentredRows(statistics, side);
  std::vector<Eigen::MatrixXd> measurements;
  for (const Split& split :
       statistics.folds.at(rule.folds.ToString()).folds.Splits()) {
    if (!measurements.empty() &&
        static_cast<int64_t>(split.test.size()) != measurements[0].rows()) {
      return absl::InvalidArgumentError(
          StrCat("rdm=",
                 rule.ToString(),
                 ": every fold must hold the same conditions in the same "
                 "order, but fold 0 has ",
                 measurements[0].rows(),
                 " rows and fold ",
                 measurements.size(),
                 " has ",
                 split.test.size(),
                 " of ",
                 rows.rows()));
    }
    Eigen::MatrixXd measurement(static_cast<Eigen::Index>(split.test.size()),
                                rows.cols());
    for (size_t i = 0; i < split.test.size(); ++i) {
      measurement.row(static_cast<Eigen::Index>(i)) = rows.row(split.test[i]);
    }
    const Eigen::RowVectorXd mean = measurement.colwise().mean();
    measurement.rowwise() -= mean;
    measurements.push_back(std::move(measurement));
  }
  return measurements;
}

Eigen::MatrixXd SumOf(const std::vector<Eigen::MatrixXd>& measurements) {
  Eigen::MatrixXd sum = measurements[0];
  for (size_t m = 1; m < measurements.size(); ++m) {
    sum += measurements[m];
  }
  return sum;
}

double DegreesOfFreedom(const std::vector<Eigen::MatrixXd>& measurements) {
  return static_cast<double>(measurements[0].rows() - 1) *
         static_cast<double>(measurements.size() - 1);
}

/// (S P S' - sum_m X_m P X_m') scaled, or the same of means over folds.
double ScaleOf(const RdmRule& rule,
               const std::vector<Eigen::MatrixXd>& measurements) {
  const auto folds = static_cast<double>(measurements.size());
  const auto units = static_cast<double>(measurements[0].cols());
  return rule.kind == RdmKind::kCrossnobis
             ? 1.0 / (folds * (folds - 1.0) * units)
             : 1.0 / (folds * folds * units);
}

absl::StatusOr<Eigen::MatrixXd> NoisePrecision(
    Backend& backend,
    const RdmRule& rule,
    const std::vector<Eigen::MatrixXd>& measurements,
    Side side) {
  const Eigen::Index units = measurements[0].cols();
  const double freedom = DegreesOfFreedom(measurements);
  const Eigen::MatrixXd mean =
      SumOf(measurements) / static_cast<double>(measurements.size());
  Eigen::MatrixXd noise = Eigen::MatrixXd::Zero(units, units);
  for (const Eigen::MatrixXd& measurement : measurements) {
    const Eigen::MatrixXd residual = measurement - mean;
    noise += residual.transpose() * residual / std::max(freedom, 1.0);
  }
  const double trace = noise.trace() / static_cast<double>(units);
  if (!(noise.trace() > kSmallestNoise * mean.squaredNorm())) {
    return absl::InvalidArgumentError(
        StrCat(NameOf(side),
               ": its folds are equal, so that they have no noise to measure "
               "distances by; use rdm=crossnobis"));
  }
  noise *= 1.0 - rule.shrinkage;
  noise.diagonal().array() += rule.shrinkage * trace;
  const Matrix factor = ToBackend(backend, noise);
  if (!backend.Cholesky(factor, kSmallestPivot)) {
    return absl::InvalidArgumentError(
        StrCat(NameOf(side),
               ": the noise covariance of ",
               units,
               " units from ",
               freedom,
               " degrees of freedom is singular; raise the shrinkage of rdm=",
               rule.ToString()));
  }
  const Matrix inverse =
      ToBackend(backend, Eigen::MatrixXd::Identity(units, units));
  backend.CholeskySolve(factor, inverse);
  return ToHost(backend, inverse);
}

}  // namespace

std::string_view NameOf(Side side) {
  return side == Side::kCandidate ? "candidate" : "reference";
}

Eigen::MatrixXd Laplacian(const Eigen::MatrixXd& weights) {
  Eigen::MatrixXd laplacian = -weights;
  laplacian.diagonal() += weights.rowwise().sum();
  return laplacian;
}

Eigen::MatrixXd DistancesOf(const Eigen::MatrixXd& kernel) {
  const Eigen::VectorXd norms = kernel.diagonal();
  Eigen::MatrixXd distances = -2.0 * kernel;
  distances.colwise() += norms;
  distances.rowwise() += norms.transpose();
  distances.diagonal().setZero();
  return distances;
}

absl::StatusOr<Rdm> BuildFoldRdm(const RdmRule& rule,
                                 const Statistics& statistics,
                                 Side side) {
  Rdm rdm;
  REPSCORE_ASSIGN_OR_RETURN(rdm.measurements,
                            Measurements(rule, statistics, side));
  const Eigen::MatrixXd sum = SumOf(rdm.measurements);
  if (rule.whitens) {
    REPSCORE_ASSIGN_OR_RETURN(
        rdm.precision,
        NoisePrecision(*statistics.backend, rule, rdm.measurements, side));
  }
  const auto kernel_of = [&rdm](const Eigen::MatrixXd& rows) {
    return rdm.precision.size() == 0
               ? Eigen::MatrixXd(rows * rows.transpose())
               : Eigen::MatrixXd(rows * rdm.precision * rows.transpose());
  };
  Eigen::MatrixXd kernel = kernel_of(sum);
  const double largest = kernel.cwiseAbs().maxCoeff();
  if (rule.kind == RdmKind::kCrossnobis) {
    for (const Eigen::MatrixXd& measurement : rdm.measurements) {
      kernel -= kernel_of(measurement);
    }
  }
  const double scale = ScaleOf(rule, rdm.measurements);
  kernel *= scale;
  rdm.distances = DistancesOf(kernel);
  rdm.distances =
      Eigen::MatrixXd(0.5 * (rdm.distances + rdm.distances.transpose()));
  if (rule.kind == RdmKind::kMahalanobis) {
    rdm.distances = rdm.distances.cwiseMax(0.0);
  }
  rdm.noise = 32.0 * kEpsilon * scale * largest;
  return rdm;
}

void PullBackFoldRdm(const RdmRule& rule,
                     const Statistics& statistics,
                     Side side,
                     const Rdm& rdm,
                     const Eigen::MatrixXd& weights,
                     Adjoint& adjoint) {
  const Eigen::MatrixXd laplacian = Laplacian(weights);
  const Eigen::MatrixXd sum = SumOf(rdm.measurements);
  const bool crossed = rule.kind == RdmKind::kCrossnobis;
  const double scale = ScaleOf(rule, rdm.measurements);
  const bool whitens = rdm.precision.size() > 0;
  // N-bar = -P B P, B the derivative by P; through the shrinkage.
  Eigen::MatrixXd noise;
  if (whitens) {
    Eigen::MatrixXd b = sum.transpose() * laplacian * sum;
    if (crossed) {
      for (const Eigen::MatrixXd& x : rdm.measurements) {
        b -= x.transpose() * laplacian * x;
      }
    }
    noise = -scale * (rdm.precision * b * rdm.precision);
    const double trace = noise.trace() / static_cast<double>(noise.rows());
    noise *= 1.0 - rule.shrinkage;
    noise.diagonal().array() += rule.shrinkage * trace;
  }
  const Eigen::MatrixXd mean =
      sum / static_cast<double>(rdm.measurements.size());
  Eigen::MatrixXd derivative =
      Eigen::MatrixXd::Zero(statistics.size.rows, sum.cols());
  const std::vector<Split> splits =
      statistics.folds.at(rule.folds.ToString()).folds.Splits();
  for (size_t m = 0; m < splits.size(); ++m) {
    const Eigen::MatrixXd& x = rdm.measurements[m];
    Eigen::MatrixXd rows =
        2.0 * scale * (laplacian * (crossed ? sum - x : sum));
    if (whitens) {
      rows = rows * rdm.precision;
      rows += (2.0 / std::max(DegreesOfFreedom(rdm.measurements), 1.0)) *
              ((x - mean) * noise);
    }
    for (size_t i = 0; i < splits[m].test.size(); ++i) {
      derivative.row(splits[m].test[i]) += rows.row(static_cast<int64_t>(i));
    }
  }
  Backend& backend = *statistics.backend;
  AddInto(backend,
          ToBackend(backend, derivative),
          side == Side::kCandidate ? adjoint.candidate_rows
                                   : adjoint.reference_rows);
}

}  // namespace repscore
