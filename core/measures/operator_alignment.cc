// f(C) = <A, C B C'>, which is maximal where |A - C B C'| is minimal. Moved by
// a skew W, C -> exp(W) C, f changes by <W, G> with N = C B C' and
// G = skew(A N' - N' A). Steps are Cayley transforms of limited-memory BFGS
// directions in the coordinates W.
#include "core/measures/operator_alignment.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "core/base/random.h"

namespace repscore {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr int kMostIterations = 1000;
constexpr int kMostHalvings = 40;
constexpr size_t kMemory = 12;
// |G| against |A| |B| where a search has arrived; squared, it is below the
// rounding of f.
constexpr double kArrived = 1e-12;
// Without progress at this |G|, rounding is all that is left.
constexpr double kNearlyArrived = 1e-7;
constexpr double kSufficientIncrease = 1e-4;
// What f may lose to rounding, against |A| |B|.
constexpr double kSlack = 8.0 * std::numeric_limits<double>::epsilon();
// Longest step in radians.
constexpr double kLongestStep = 1.0;
// Philox stream of random starts.
constexpr uint64_t kStartStream = 12;
constexpr int kMostSweeps = 100;

struct Point {
  MatrixXd rotation;
  MatrixXd gradient;  ///< G, skew
  double value = 0.0;
};

Point At(const MatrixXd& a, const MatrixXd& b, MatrixXd rotation) {
  const MatrixXd moved = rotation * b * rotation.transpose();
  const MatrixXd slope = a * moved.transpose() - moved.transpose() * a;
  return {.rotation = std::move(rotation),
          .gradient = 0.5 * (slope - slope.transpose()),
          .value = a.cwiseProduct(moved).sum()};
}

/// (I - W/2)^-1 (I + W/2) C
MatrixXd Cayley(const MatrixXd& skew, const MatrixXd& rotation) {
  const MatrixXd identity = MatrixXd::Identity(skew.rows(), skew.cols());
  return (identity - 0.5 * skew)
      .partialPivLu()
      .solve((identity + 0.5 * skew) * rotation);
}

double Dot(const MatrixXd& a, const MatrixXd& b) {
  return a.cwiseProduct(b).sum();
}

/// Pairs of steps and changes of -G, newest last.
class Memory {
 public:
  void Add(MatrixXd step, MatrixXd change) {
    if (Dot(step, change) <= 0.0) {
      return;
    }
    pairs_.emplace_back(std::move(step), std::move(change));
    if (pairs_.size() > kMemory) {
      pairs_.pop_front();
    }
  }
  bool empty() const { return pairs_.empty(); }
  void Clear() { pairs_.clear(); }

  /// The inverse Hessian's product with `gradient`, by two loops.
  MatrixXd Direction(const MatrixXd& gradient) const {
    MatrixXd direction = gradient;
    std::vector<double> shares(pairs_.size());
    for (size_t i = pairs_.size(); i-- > 0;) {
      const auto& [step, change] = pairs_[i];
      shares[i] = Dot(step, direction) / Dot(step, change);
      direction -= shares[i] * change;
    }
    if (!pairs_.empty()) {
      const auto& [step, change] = pairs_.back();
      direction *= Dot(step, change) / Dot(change, change);
    }
    for (size_t i = 0; i < pairs_.size(); ++i) {
      const auto& [step, change] = pairs_[i];
      direction +=
          (shares[i] - Dot(change, direction) / Dot(step, change)) * step;
    }
    return direction;
  }

 private:
  std::deque<std::pair<MatrixXd, MatrixXd>> pairs_;
};

struct End {
  Point point;
  bool converged = false;
};

End Climb(const MatrixXd& a, const MatrixXd& b, MatrixXd start) {
  const double scale = a.norm() * b.norm();
  End end;
  end.point = At(a, b, std::move(start));
  Memory memory;
  for (int iteration = 0; iteration < kMostIterations; ++iteration) {
    const double norm = end.point.gradient.norm();
    if (!(norm > kArrived * scale)) {
      end.converged = true;
      return end;
    }
    MatrixXd direction = memory.empty() ? MatrixXd(end.point.gradient / scale)
                                        : memory.Direction(end.point.gradient);
    double slope = Dot(direction, end.point.gradient);
    if (!(slope > 0.0)) {
      memory.Clear();
      direction = end.point.gradient / scale;
      slope = Dot(direction, end.point.gradient);
    }
    double length = std::min(1.0, kLongestStep / direction.norm());
    bool moved = false;
    for (int halving = 0; halving < kMostHalvings && !moved; ++halving) {
      Point next = At(a, b, Cayley(length * direction, end.point.rotation));
      const bool rises =
          next.value >= end.point.value + kSufficientIncrease * length * slope -
                            kSlack * scale;
      // Where f cannot tell any more, the gradient must.
      const bool tells = length * slope > kSlack * scale;
      moved = rises && (tells || next.gradient.norm() < norm);
      if (moved) {
        memory.Add(length * direction, end.point.gradient - next.gradient);
        end.point = std::move(next);
      }
      length *= 0.5;
    }
    if (!moved) {
      if (memory.empty()) {
        end.converged = norm <= kNearlyArrived * scale;
        return end;
      }
      memory.Clear();
    }
  }
  return end;
}

/// Signs d that make d'W d large: those of the leading eigenvector, improved
/// one by one.
VectorXd Signs(const MatrixXd& weights) {
  const MatrixXd symmetric = 0.5 * (weights + weights.transpose());
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(symmetric);
  VectorXd signs = solver.eigenvectors().rightCols(1).unaryExpr(
      [](double value) { return value < 0.0 ? -1.0 : 1.0; });
  bool changed = true;
  for (int sweep = 0; changed && sweep < kMostSweeps; ++sweep) {
    changed = false;
    for (Eigen::Index i = 0; i < signs.size(); ++i) {
      const double others =
          symmetric.row(i).dot(signs) - symmetric(i, i) * signs(i);
      if (signs(i) * others < 0.0) {
        signs(i) = -signs(i);
        changed = true;
      }
    }
  }
  return signs;
}

/// Eigenvectors of the symmetric part of b to those of a, in order.
MatrixXd EigenvectorStart(const MatrixXd& a, const MatrixXd& b) {
  const auto vectors = [](const MatrixXd& m) {
    const MatrixXd symmetric = 0.5 * (m + m.transpose());
    return MatrixXd(
        Eigen::SelfAdjointEigenSolver<MatrixXd>(symmetric).eigenvectors());
  };
  const MatrixXd of_a = vectors(a);
  const MatrixXd of_b = vectors(b);
  const MatrixXd a_inside = of_a.transpose() * a * of_a;
  const MatrixXd b_inside = of_b.transpose() * b * of_b;
  const VectorXd signs = Signs(a_inside.cwiseProduct(b_inside));
  return of_a * signs.asDiagonal() * of_b.transpose();
}

std::vector<MatrixXd> Starts(const MatrixXd& a,
                             const MatrixXd& b,
                             const AlignmentOptions& options) {
  const Eigen::Index size = a.rows();
  std::vector<MatrixXd> starts(2, MatrixXd::Identity(size, size));
  starts[1](size - 1, size - 1) = -1.0;
  starts.push_back(EigenvectorStart(a, b));
  const Philox random(options.seed, kStartStream);
  MatrixXd normals(size, size);
  for (int64_t r = 0; r < options.restarts; ++r) {
    random.FillNormal(
        static_cast<uint64_t>(r * size * size),
        absl::MakeSpan(normals.data(), static_cast<size_t>(normals.size())));
    MatrixXd q = Eigen::HouseholderQR<MatrixXd>(normals).householderQ();
    if ((q.determinant() < 0.0) != (r % 2 == 1)) {
      q.col(0) = -q.col(0);
    }
    starts.push_back(std::move(q));
  }
  return starts;
}

}  // namespace

OperatorAlignment AlignOperators(const MatrixXd& a,
                                 const MatrixXd& b,
                                 const AlignmentOptions& options) {
  // One order for both ways round, so that the result is the same. Traces do
  // not see a change of basis.
  if (b.trace() < a.trace()) {
    OperatorAlignment swapped = AlignOperators(b, a, options);
    swapped.rotation.transposeInPlace();
    return swapped;
  }
  End best;
  for (MatrixXd& start : Starts(a, b, options)) {
    End end = Climb(a, b, std::move(start));
    if (best.point.rotation.size() == 0 || end.point.value > best.point.value) {
      best = std::move(end);
    }
  }
  OperatorAlignment alignment;
  alignment.distance =
      (a - best.point.rotation * b * best.point.rotation.transpose()).norm();
  alignment.rotation = std::move(best.point.rotation);
  alignment.converged = best.converged;
  return alignment;
}

}  // namespace repscore
