#include "core/measures/rdm_noise.h"

#include <algorithm>
#include <cmath>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/specification.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;

constexpr double kDefaultShrinkage = 0.1;
constexpr double kLargestVariance = 1e100;
// Eigenvalues of the covariance against the largest that are rounding.
constexpr double kSmallestEigenvalue = 1e-12;

/// H S H
MatrixXd Centred(MatrixXd covariance) {
  const Eigen::VectorXd rows = covariance.rowwise().mean();
  const Eigen::RowVectorXd columns = covariance.colwise().mean();
  covariance.colwise() -= rows;
  covariance.rowwise() -= columns;
  covariance.array() += rows.mean();
  return covariance;
}

/// sum over folds m of R_m P R_m', R_m the difference of a fold from the mean
/// of all, P the precision of the units that the RDM is measured with.
MatrixXd ResidualCovariance(const Rdm& rdm) {
  MatrixXd mean = rdm.measurements[0];
  for (size_t m = 1; m < rdm.measurements.size(); ++m) {
    mean += rdm.measurements[m];
  }
  mean /= static_cast<double>(rdm.measurements.size());
  MatrixXd covariance = MatrixXd::Zero(mean.rows(), mean.rows());
  for (const MatrixXd& measurement : rdm.measurements) {
    const MatrixXd residual = measurement - mean;
    covariance +=
        rdm.precision.size() == 0
            ? MatrixXd(residual * residual.transpose())
            : MatrixXd(residual * rdm.precision * residual.transpose());
  }
  return covariance;
}

}  // namespace

absl::StatusOr<ConditionNoise> ConditionNoise::Parse(std::string_view text) {
  const auto malformed = [text] {
    return absl::InvalidArgumentError(
        StrCat("noise=",
               text.substr(0, 200),
               " should be identity, diagonal(v1,v2,...) with a variance above "
               "0 for every condition, or repetitions(shrinkage) with a "
               "shrinkage in [0, 1]"));
  };
  ConditionNoise noise;
  if (text == "identity") {
    return noise;
  }
  const std::string_view name = text.substr(0, text.find('('));
  if (name == "diagonal") {
    noise.kind = Kind::kDiagonal;
    const absl::StatusOr<std::vector<double>> variances =
        NumberArguments(text, name);
    const bool positive =
        variances.ok() &&
        std::all_of(variances->begin(), variances->end(), [](double variance) {
          return variance > 0.0 && variance <= kLargestVariance;
        });
    if (!positive) {
      return malformed();
    }
    noise.variances = *variances;
    return noise;
  }
  if (name != "repetitions") {
    return malformed();
  }
  noise.kind = Kind::kRepetitions;
  noise.shrinkage = kDefaultShrinkage;
  if (text != name) {
    const absl::StatusOr<std::vector<double>> numbers =
        NumberArguments(text, name);
    if (!numbers.ok() || numbers->size() != 1 || (*numbers)[0] < 0.0 ||
        (*numbers)[0] > 1.0) {
      return malformed();
    }
    noise.shrinkage = (*numbers)[0];
  }
  return noise;
}

std::string ConditionNoise::ToString() const {
  switch (kind) {
    case Kind::kIdentity:
      return "identity";
    case Kind::kRepetitions:
      return StrCat("repetitions(", ShortestNumber(shrinkage), ")");
    case Kind::kDiagonal:
      break;
  }
  std::string list;
  for (const double variance : variances) {
    list += StrCat(list.empty() ? "" : ",", ShortestNumber(variance));
  }
  return StrCat("diagonal(", list, ")");
}

absl::StatusOr<MatrixXd> WhiteningOf(Backend& backend,
                                     const ConditionNoise& noise,
                                     const Rdm& reference) {
  const Eigen::Index conditions = reference.distances.rows();
  if (noise.is_identity()) {
    return MatrixXd();
  }
  MatrixXd covariance;
  if (noise.kind == ConditionNoise::Kind::kDiagonal) {
    if (static_cast<Eigen::Index>(noise.variances.size()) != conditions) {
      return absl::InvalidArgumentError(StrCat("noise=diagonal: it has ",
                                               noise.variances.size(),
                                               " variances for ",
                                               conditions,
                                               " conditions"));
    }
    covariance = Centred(
        Eigen::Map<const Eigen::VectorXd>(noise.variances.data(), conditions)
            .asDiagonal());
  } else {
    // Measurements have no mean over conditions: the covariance is centred.
    covariance = Centred(ResidualCovariance(reference));
    const double target =
        covariance.trace() / static_cast<double>(conditions - 1);
    covariance *= 1.0 - noise.shrinkage;
    covariance += noise.shrinkage * target *
                  Centred(MatrixXd::Identity(conditions, conditions));
  }
  const Matrix vectors =
      ToBackend(backend, 0.5 * (covariance + covariance.transpose()));
  const std::vector<double> values = backend.SymmetricEigen(vectors);
  // The first is the mean over conditions.
  if (!(values[1] > kSmallestEigenvalue * values.back())) {
    return absl::InvalidArgumentError(
        StrCat("noise=",
               noise.ToString(),
               ": the covariance of ",
               conditions,
               " conditions is singular; raise the shrinkage"));
  }
  const MatrixXd kept = ToHost(backend, vectors.Columns(1, conditions - 1));
  Eigen::VectorXd scales(conditions - 1);
  for (Eigen::Index i = 0; i < scales.size(); ++i) {
    scales(i) = 1.0 / std::sqrt(values[static_cast<size_t>(i + 1)]);
  }
  return MatrixXd(kept * scales.asDiagonal() * kept.transpose());
}

}  // namespace repscore
