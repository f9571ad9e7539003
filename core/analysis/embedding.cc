#include "core/analysis/embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "core/backend/host_algebra.h"
#include "core/base/text.h"

namespace repscore {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// |d_ij - d_ji| up to this share of the largest distance is rounding.
constexpr double kAsymmetry = 1e-9;
// SMACOF stops when raw stress falls by less than this share of itself.
constexpr double kStressTolerance = 1e-10;
constexpr int64_t kMostIterations = 1000;
// Eigenvalues below this share of the largest are rounding.
constexpr double kSmallestEigenvalue = 1e-12;

absl::Status Wrong(const std::string& text) {
  return absl::InvalidArgumentError(StrCat("distances: ", text));
}

/// [k x k], checked, both triangles equal.
absl::StatusOr<MatrixXd> ToMatrix(absl::Span<const double> distances) {
  const auto k = static_cast<Index>(
      std::llround(std::sqrt(static_cast<double>(distances.size()))));
  if (k < 1 || static_cast<size_t>(k * k) != distances.size()) {
    return Wrong(StrCat(distances.size(), " values are no square matrix"));
  }
  MatrixXd d(k, k);
  std::copy(distances.begin(), distances.end(), d.data());
  double largest = 0.0;
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j < k; ++j) {
      if (!std::isfinite(d(j, i)) || d(j, i) < 0.0) {
        return Wrong(StrCat("row ",
                            i,
                            ", column ",
                            j,
                            " is ",
                            d(j, i),
                            ", must be finite and not negative"));
      }
      largest = std::max(largest, d(j, i));
    }
  }
  for (Index i = 0; i < k; ++i) {
    for (Index j = 0; j <= i; ++j) {
      if (i == j && d(i, i) > kAsymmetry * largest) {
        return Wrong(StrCat("row ", i, " has ", d(i, i), " on the diagonal"));
      }
      if (std::abs(d(i, j) - d(j, i)) > kAsymmetry * largest) {
        return Wrong(StrCat("rows ", j, " and ", i, " are not symmetric"));
      }
      d(i, j) = d(j, i) = i == j ? 0.0 : 0.5 * (d(i, j) + d(j, i));
    }
  }
  return d;
}

/// Distances between the rows of `points`.
MatrixXd DistancesOf(const MatrixXd& points) {
  MatrixXd d(points.rows(), points.rows());
  for (Index i = 0; i < points.rows(); ++i) {
    d.col(i) = (points.rowwise() - points.row(i)).rowwise().norm();
  }
  return d;
}

/// Columns by falling eigenvalue.
struct Decomposition {
  VectorXd values;
  MatrixXd vectors;
};

Decomposition Decompose(const MatrixXd& symmetric) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
  return {.values = solver.eigenvalues().reverse(),
          .vectors = solver.eigenvectors().rowwise().reverse()};
}

/// Classical scaling: V sqrt(w) of B = -J D^2 J / 2, and what it leaves out.
MatrixXd ClassicalPoints(const MatrixXd& d,
                         Index dimensions,
                         Embedding& embedding) {
  MatrixXd b = -0.5 * d.array().square().matrix();
  const VectorXd means = b.colwise().mean();
  const double total = means.mean();
  b.rowwise() -= means.transpose();
  b.colwise() -= means;
  b.array() += total;
  const Decomposition eigen = Decompose(b);
  const double smallest =
      kSmallestEigenvalue * eigen.values.cwiseAbs().maxCoeff();
  double positive = 0.0;
  double negative = 0.0;
  double kept = 0.0;
  MatrixXd points = MatrixXd::Zero(d.rows(), dimensions);
  for (Index i = 0; i < eigen.values.size(); ++i) {
    const double value = eigen.values(i);
    if (value > smallest) {
      positive += value;
      if (i < dimensions) {
        kept += value;
        points.col(i) = std::sqrt(value) * eigen.vectors.col(i);
      }
    } else if (value < -smallest) {
      negative -= value;
    }
  }
  embedding.explained = positive > 0.0 ? kept / positive : 0.0;
  embedding.non_euclidean =
      positive + negative > 0.0 ? negative / (positive + negative) : 0.0;
  return points;
}

/// One Guttman transform: B(X) X / k, B_ij = -d_ij / d_ij(X).
MatrixXd Guttman(const MatrixXd& d,
                 const MatrixXd& points,
                 const MatrixXd& between) {
  MatrixXd b = MatrixXd::Zero(d.rows(), d.cols());
  for (Index j = 0; j < d.cols(); ++j) {
    for (Index i = 0; i < d.rows(); ++i) {
      if (between(i, j) > 0.0) {
        b(i, j) = -d(i, j) / between(i, j);
      }
    }
  }
  b.diagonal() = -b.colwise().sum().transpose();
  return b * points / static_cast<double>(d.rows());
}

MatrixXd Smacof(const MatrixXd& d, MatrixXd points, int64_t& iterations) {
  MatrixXd between = DistancesOf(points);
  double stress = (d - between).squaredNorm();
  const double floor = kStressTolerance * kStressTolerance * d.squaredNorm();
  for (iterations = 0; iterations < kMostIterations && stress > floor;
       ++iterations) {
    points = Guttman(d, points, between);
    between = DistancesOf(points);
    const double next = (d - between).squaredNorm();
    const bool settled = stress - next <= kStressTolerance * stress;
    stress = next;
    if (settled) {
      break;
    }
  }
  return points;
}

/// Centred, axes by falling variance, largest entry of every axis positive.
MatrixXd Oriented(MatrixXd points) {
  points.rowwise() -= points.colwise().mean().eval();
  points = (points * Decompose(points.transpose() * points).vectors).eval();
  for (Index j = 0; j < points.cols(); ++j) {
    Index largest = 0;
    points.col(j).cwiseAbs().maxCoeff(&largest);
    if (points(largest, j) < 0.0) {
      points.col(j) *= -1.0;
    }
  }
  return points;
}

/// Stress-1 after the best scaling b of the distances, from
/// min_b |d' - b d|^2 / |d'|^2 = 1 - (d.d')^2 / (|d|^2 |d'|^2).
double StressOf(const MatrixXd& d, const MatrixXd& between) {
  const double own = d.squaredNorm();
  const double other = between.squaredNorm();
  if (!(own > 0.0)) {
    return 0.0;
  }
  if (!(other > 0.0)) {
    return 1.0;
  }
  const double scale = (d.array() * between.array()).sum() / own;
  return std::min(1.0, std::sqrt((between - scale * d).squaredNorm() / other));
}

double DistortionOf(const MatrixXd& d, const MatrixXd& between) {
  const double rounding = kSmallestEigenvalue * between.maxCoeff();
  double expansion = 0.0;
  double contraction = 0.0;
  for (Index j = 0; j < d.cols(); ++j) {
    for (Index i = 0; i < j; ++i) {
      const bool apart = between(i, j) > rounding;
      if (d(i, j) > 0.0) {
        expansion = std::max(expansion, between(i, j) / d(i, j));
        if (!apart) {
          contraction = kInfinity;
          continue;
        }
        contraction = std::max(contraction, d(i, j) / between(i, j));
      } else if (apart) {
        return kInfinity;
      }
    }
  }
  if (contraction == kInfinity) {
    return kInfinity;
  }
  return expansion > 0.0 ? std::max(1.0, expansion * contraction) : 1.0;
}

/// Distance to the nearest and second nearest medoid.
struct Nearest {
  std::vector<size_t> first;
  VectorXd distance;
  VectorXd second;
};

Nearest NearestMedoids(const MatrixXd& d, const std::vector<Index>& medoids) {
  const Index k = d.rows();
  Nearest nearest = {.first = std::vector<size_t>(static_cast<size_t>(k), 0),
                     .distance = VectorXd::Constant(k, kInfinity),
                     .second = VectorXd::Constant(k, kInfinity)};
  for (size_t m = 0; m < medoids.size(); ++m) {
    for (Index i = 0; i < k; ++i) {
      // A medoid belongs to itself even where another one coincides with it.
      const double to = i == medoids[m] ? -1.0 : d(i, medoids[m]);
      if (to < nearest.distance(i)) {
        nearest.second(i) = nearest.distance(i);
        nearest.distance(i) = to;
        nearest.first[static_cast<size_t>(i)] = m;
      } else {
        nearest.second(i) = std::min(nearest.second(i), to);
      }
    }
  }
  nearest.distance = nearest.distance.cwiseMax(0.0);
  nearest.second = nearest.second.cwiseMax(0.0);
  return nearest;
}

/// BUILD: the medoid of all, then what lowers the cost most.
std::vector<Index> BuildMedoids(const MatrixXd& d, size_t clusters) {
  std::vector<Index> medoids;
  std::vector<bool> taken(static_cast<size_t>(d.rows()), false);
  VectorXd nearest = VectorXd::Constant(d.rows(), kInfinity);
  while (medoids.size() < clusters) {
    double best = kInfinity;
    Index chosen = -1;
    for (Index i = 0; i < d.rows(); ++i) {
      const double cost = nearest.cwiseMin(d.col(i)).sum();
      if (!taken[static_cast<size_t>(i)] && (chosen < 0 || cost < best)) {
        best = cost;
        chosen = i;
      }
    }
    taken[static_cast<size_t>(chosen)] = true;
    medoids.push_back(chosen);
    nearest = nearest.cwiseMin(d.col(chosen));
  }
  std::sort(medoids.begin(), medoids.end());
  return medoids;
}

/// SWAP: the best exchange of a medoid with another system until none helps;
/// changes of all medoids at once (Schubert & Rousseeuw 2021).
void SwapMedoids(const MatrixXd& d, std::vector<Index>& medoids) {
  const double tolerance = kSmallestEigenvalue * d.sum();
  while (true) {
    const Nearest nearest = NearestMedoids(d, medoids);
    double best = -tolerance;
    std::pair<size_t, Index> exchange = {0, -1};
    for (Index other = 0; other < d.rows(); ++other) {
      if (std::find(medoids.begin(), medoids.end(), other) != medoids.end()) {
        continue;
      }
      double shared = 0.0;
      VectorXd change = VectorXd::Zero(static_cast<Index>(medoids.size()));
      for (Index i = 0; i < d.rows(); ++i) {
        const double own = nearest.distance(i);
        const double gain = std::min(d(i, other) - own, 0.0);
        shared += gain;
        const double without = std::min(d(i, other), nearest.second(i)) - own;
        change(static_cast<Index>(nearest.first[static_cast<size_t>(i)])) +=
            without - gain;
      }
      Index medoid = 0;
      const double total = shared + change.minCoeff(&medoid);
      if (total < best) {
        best = total;
        exchange = {static_cast<size_t>(medoid), other};
      }
    }
    if (exchange.second < 0) {
      return;
    }
    medoids[exchange.first] = exchange.second;
    std::sort(medoids.begin(), medoids.end());
  }
}

double SilhouetteOf(const MatrixXd& d,
                    const std::vector<int64_t>& assignment,
                    size_t clusters) {
  if (clusters < 2) {
    return 0.0;
  }
  std::vector<double> sizes(clusters, 0.0);
  for (const int64_t cluster : assignment) {
    sizes[static_cast<size_t>(cluster)] += 1.0;
  }
  double sum = 0.0;
  for (Index i = 0; i < d.rows(); ++i) {
    std::vector<double> totals(clusters, 0.0);
    for (Index j = 0; j < d.rows(); ++j) {
      totals[static_cast<size_t>(assignment[static_cast<size_t>(j)])] +=
          d(i, j);
    }
    const auto own = static_cast<size_t>(assignment[static_cast<size_t>(i)]);
    if (sizes[own] < 2.0) {
      continue;
    }
    const double within = totals[own] / (sizes[own] - 1.0);
    double nearest = kInfinity;
    for (size_t c = 0; c < clusters; ++c) {
      if (c != own) {
        nearest = std::min(nearest, totals[c] / sizes[c]);
      }
    }
    const double widest = std::max(within, nearest);
    sum += widest > 0.0 ? (nearest - within) / widest : 0.0;
  }
  return sum / static_cast<double>(d.rows());
}

}  // namespace

absl::StatusOr<Embedding> EmbedDistances(absl::Span<const double> distances,
                                         int64_t dimensions,
                                         MdsMethod method) {
  absl::StatusOr<MatrixXd> checked = ToMatrix(distances);
  if (!checked.ok()) {
    return checked.status();
  }
  const MatrixXd& d = *checked;
  if (dimensions < 1 || dimensions >= d.rows()) {
    return absl::InvalidArgumentError(StrCat("dimensions: ",
                                             dimensions,
                                             " for ",
                                             d.rows(),
                                             " systems; must be from 1 to ",
                                             d.rows() - 1));
  }
  Embedding embedding;
  embedding.dimensions = dimensions;
  MatrixXd points = ClassicalPoints(d, dimensions, embedding);
  if (method == MdsMethod::kMetric) {
    points = Smacof(d, std::move(points), embedding.iterations);
  }
  points = Oriented(std::move(points));
  const MatrixXd between = DistancesOf(points);
  embedding.stress = StressOf(d, between);
  embedding.distortion = DistortionOf(d, between);
  for (Index i = 0; i < points.rows(); ++i) {
    for (Index j = 0; j < points.cols(); ++j) {
      embedding.points.push_back(points(i, j));
    }
  }
  return embedding;
}

absl::StatusOr<Clustering> ClusterMedoids(absl::Span<const double> distances,
                                          int64_t clusters) {
  absl::StatusOr<MatrixXd> checked = ToMatrix(distances);
  if (!checked.ok()) {
    return checked.status();
  }
  const MatrixXd& d = *checked;
  if (clusters < 1 || clusters > d.rows()) {
    return absl::InvalidArgumentError(
        StrCat("clusters: ", clusters, " for ", d.rows(), " systems"));
  }
  std::vector<Index> medoids = BuildMedoids(d, static_cast<size_t>(clusters));
  SwapMedoids(d, medoids);
  const Nearest nearest = NearestMedoids(d, medoids);
  Clustering clustering;
  clustering.medoids.assign(medoids.begin(), medoids.end());
  clustering.assignment.assign(nearest.first.begin(), nearest.first.end());
  clustering.cost = nearest.distance.sum();
  clustering.silhouette =
      SilhouetteOf(d, clustering.assignment, medoids.size());
  return clustering;
}

absl::StatusOr<std::vector<int64_t>> NearestNeighbours(
    absl::Span<const double> distances, int64_t count) {
  absl::StatusOr<MatrixXd> checked = ToMatrix(distances);
  if (!checked.ok()) {
    return checked.status();
  }
  const MatrixXd& d = *checked;
  if (count < 1 || count >= d.rows()) {
    return absl::InvalidArgumentError(StrCat(
        "neighbors: ", count, " neighbours among ", d.rows(), " systems"));
  }
  std::vector<int64_t> neighbours;
  for (Index i = 0; i < d.rows(); ++i) {
    std::vector<int64_t> others;
    for (Index j = 0; j < d.rows(); ++j) {
      if (j != i) {
        others.push_back(j);
      }
    }
    std::stable_sort(
        others.begin(), others.end(), [&d, i](int64_t a, int64_t b) {
          return d(a, i) < d(b, i);
        });
    neighbours.insert(neighbours.end(), others.begin(), others.begin() + count);
  }
  return neighbours;
}

absl::StatusOr<int64_t> FrechetMedoid(absl::Span<const double> distances) {
  absl::StatusOr<MatrixXd> checked = ToMatrix(distances);
  if (!checked.ok()) {
    return checked.status();
  }
  Index medoid = 0;
  checked->colwise().squaredNorm().minCoeff(&medoid);
  return medoid;
}

}  // namespace repscore
