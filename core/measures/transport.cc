#include "core/measures/transport.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/backend/host_algebra.h"
#include "core/measures/assignment.h"

namespace repscore {
namespace {

constexpr int64_t kNone = -1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Ships whole units from sources (columns of `cost`) to sinks (rows), so that
/// the costs of one source are contiguous. Invariant of the prices:
///   cost(t, s) - source_price(s) - sink_price(t) >= 0, equality where units
/// flow.
class Solver {
 public:
  using Units = Eigen::Matrix<int64_t, Eigen::Dynamic, Eigen::Dynamic>;

  Solver(const Eigen::MatrixXd& cost, int64_t supply, int64_t demand)
      : cost_(cost),
        source_price_(cost.colwise().minCoeff().transpose()),
        sink_price_(Eigen::VectorXd::Zero(cost.rows())),
        distance_(cost.rows()),
        reached_at_(cost.cols()),
        flow_(Units::Zero(cost.rows(), cost.cols())),
        supply_(static_cast<size_t>(cost.cols()), supply),
        demand_(static_cast<size_t>(cost.rows()), demand),
        before_sink_(static_cast<size_t>(cost.rows()), kNone),
        before_source_(static_cast<size_t>(cost.cols()), kNone) {}

  const Units& Solve() {
    for (int64_t source = 0; source < cost_.cols(); ++source) {
      while (supply_[static_cast<size_t>(source)] > 0) {
        Augment(source);
      }
    }
    return flow_;
  }

 private:
  /// Lengths of the ways through `source`, reached at distance `base`.
  void Relax(int64_t source, double base) {
    reached_at_(source) = base;
    visited_.push_back(source);
    const double offset = base - source_price_(source);
    for (const int64_t sink : open_) {
      const double length = offset + cost_(sink, source) - sink_price_(sink);
      if (length < distance_(sink)) {
        distance_(sink) = length;
        before_sink_[static_cast<size_t>(sink)] = source;
      }
    }
  }

  /// Dijkstra on reduced costs to the nearest sink with demand: sources are
  /// left to any sink, sinks back to sources that ship to them.
  int64_t FindSink(int64_t start, double& reached) {
    open_.resize(static_cast<size_t>(cost_.rows()));
    std::iota(open_.begin(), open_.end(), int64_t{0});
    closed_.clear();
    visited_.clear();
    distance_.setConstant(kInfinity);
    reached_at_.setConstant(kInfinity);
    std::fill(before_source_.begin(), before_source_.end(), kNone);
    reached = 0.0;
    Relax(start, 0.0);
    while (true) {
      size_t nearest = 0;
      for (size_t i = 1; i < open_.size(); ++i) {
        if (distance_(open_[i]) < distance_(open_[nearest])) {
          nearest = i;
        }
      }
      const int64_t sink = open_[nearest];
      open_[nearest] = open_.back();
      open_.pop_back();
      reached = std::max(reached, distance_(sink));
      if (demand_[static_cast<size_t>(sink)] > 0) {
        return sink;
      }
      closed_.push_back(sink);
      for (int64_t source = 0; source < cost_.cols(); ++source) {
        if (flow_(sink, source) > 0 && reached_at_(source) == kInfinity) {
          before_source_[static_cast<size_t>(source)] = sink;
          Relax(source, reached);
        }
      }
    }
  }

  /// Ships as much as fits along the shortest way from `start`.
  void Augment(int64_t start) {
    double reached = 0.0;
    const int64_t end = FindSink(start, reached);
    for (const int64_t source : visited_) {
      source_price_(source) += reached - reached_at_(source);
    }
    for (const int64_t sink : closed_) {
      sink_price_(sink) -= reached - distance_(sink);
    }
    int64_t units = std::min(supply_[static_cast<size_t>(start)],
                             demand_[static_cast<size_t>(end)]);
    for (int64_t sink = end; sink != kNone;) {
      const int64_t source = before_sink_[static_cast<size_t>(sink)];
      sink = before_source_[static_cast<size_t>(source)];
      if (sink != kNone) {
        units = std::min(units, flow_(sink, source));
      }
    }
    for (int64_t sink = end; sink != kNone;) {
      const int64_t source = before_sink_[static_cast<size_t>(sink)];
      flow_(sink, source) += units;
      sink = before_source_[static_cast<size_t>(source)];
      if (sink != kNone) {
        flow_(sink, source) -= units;
      }
    }
    supply_[static_cast<size_t>(start)] -= units;
    demand_[static_cast<size_t>(end)] -= units;
  }

  const Eigen::MatrixXd& cost_;
  Eigen::VectorXd source_price_;
  Eigen::VectorXd sink_price_;
  Eigen::VectorXd distance_;    ///< of sinks
  Eigen::VectorXd reached_at_;  ///< distance of sources
  Units flow_;
  std::vector<int64_t> supply_;
  std::vector<int64_t> demand_;
  std::vector<int64_t> before_sink_;
  std::vector<int64_t> before_source_;
  std::vector<int64_t> open_;     ///< sinks
  std::vector<int64_t> closed_;   ///< sinks
  std::vector<int64_t> visited_;  ///< sources
};

}  // namespace

std::vector<Shipment> SolveTransport(const Eigen::MatrixXd& cost) {
  const int64_t m = cost.rows();
  const int64_t n = cost.cols();
  std::vector<Shipment> plan;
  if (m == n) {
    // Some plan of smallest cost is a permutation.
    for (const auto& [source, sink] : SolveAssignment(cost)) {
      plan.push_back({source, sink, 1.0 / static_cast<double>(m)});
    }
    return plan;
  }
  // m sources of n / g units fill n sinks of m / g.
  const int64_t g = std::gcd(m, n);
  const Eigen::MatrixXd by_sink = cost.transpose();
  const int64_t supply = n / g;
  const int64_t total_units = m * supply;
  Solver solver(by_sink, supply, m / g);
  const Solver::Units& units = solver.Solve();
  const double total = static_cast<double>(total_units);
  for (int64_t source = 0; source < m; ++source) {
    for (int64_t sink = 0; sink < n; ++sink) {
      if (units(sink, source) > 0) {
        plan.push_back(
            {source, sink, static_cast<double>(units(sink, source)) / total});
      }
    }
  }
  return plan;
}

}  // namespace repscore
