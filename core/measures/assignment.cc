#include "core/measures/assignment.h"

#include <algorithm>
#include <limits>

#include "core/backend/host_algebra.h"

namespace repscore {
namespace {

constexpr int64_t kNone = -1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Assigns every column ("agent") of `cost` [tasks x agents], agents <= tasks,
/// so that the costs of one agent are contiguous. Invariant of the prices:
///   cost(t, a) - agent_price(a) - task_price(t) >= 0, equality in pairs.
class Solver {
 public:
  explicit Solver(const Eigen::MatrixXd& cost)
      : cost_(cost),
        agent_price_(cost.cols()),
        task_price_(Eigen::VectorXd::Zero(cost.rows())),
        distance_(cost.rows()),
        agent_of_task_(static_cast<size_t>(cost.rows()), kNone),
        task_of_agent_(static_cast<size_t>(cost.cols()), kNone),
        before_(static_cast<size_t>(cost.rows()), kNone) {}

  std::vector<int64_t> Solve() {
    for (int64_t agent = 0; agent < cost_.cols(); ++agent) {
      Eigen::Index task = 0;
      agent_price_(agent) = cost_.col(agent).minCoeff(&task);
      if (AgentOf(task) == kNone) {
        Pair(task, agent);
      }
    }
    for (int64_t agent = 0; agent < cost_.cols(); ++agent) {
      if (task_of_agent_[static_cast<size_t>(agent)] == kNone) {
        Augment(agent);
      }
    }
    return task_of_agent_;
  }

 private:
  int64_t& AgentOf(int64_t task) {
    return agent_of_task_[static_cast<size_t>(task)];
  }

  void Pair(int64_t task, int64_t agent) {
    AgentOf(task) = agent;
    task_of_agent_[static_cast<size_t>(agent)] = task;
  }

  /// Dijkstra on reduced costs from a free agent to the nearest free task.
  void Augment(int64_t start) {
    open_.resize(static_cast<size_t>(cost_.rows()));
    for (size_t i = 0; i < open_.size(); ++i) {
      open_[i] = static_cast<int64_t>(i);
    }
    closed_.clear();
    distance_.setConstant(kInfinity);
    int64_t agent = start;
    int64_t end = kNone;
    double reached = 0.0;
    while (end == kNone) {
      size_t nearest = 0;
      double shortest = kInfinity;
      const double offset = reached - agent_price_(agent);
      for (size_t i = 0; i < open_.size(); ++i) {
        const int64_t task = open_[i];
        const double length = offset + cost_(task, agent) - task_price_(task);
        if (length < distance_(task)) {
          distance_(task) = length;
          before_[static_cast<size_t>(task)] = agent;
        }
        // Of equally near tasks a free one ends the path.
        if (distance_(task) < shortest ||
            (distance_(task) == shortest && AgentOf(task) == kNone)) {
          shortest = distance_(task);
          nearest = i;
        }
      }
      const int64_t task = open_[nearest];
      open_[nearest] = open_.back();
      open_.pop_back();
      reached = std::max(reached, shortest);
      if (AgentOf(task) == kNone) {
        end = task;
      } else {
        closed_.push_back(task);
        agent = AgentOf(task);
      }
    }
    agent_price_(start) += reached;
    for (const int64_t task : closed_) {
      const double slack = reached - distance_(task);
      task_price_(task) -= slack;
      agent_price_(AgentOf(task)) += slack;
    }
    for (int64_t task = end; task != kNone;) {
      const int64_t taker = before_[static_cast<size_t>(task)];
      const int64_t released = task_of_agent_[static_cast<size_t>(taker)];
      Pair(task, taker);
      task = taker == start ? kNone : released;
    }
  }

  const Eigen::MatrixXd& cost_;
  Eigen::VectorXd agent_price_;
  Eigen::VectorXd task_price_;
  Eigen::VectorXd distance_;
  std::vector<int64_t> agent_of_task_;
  std::vector<int64_t> task_of_agent_;
  /// The agent from which a task was reached.
  std::vector<int64_t> before_;
  std::vector<int64_t> open_;
  std::vector<int64_t> closed_;
};

}  // namespace

std::vector<std::pair<int64_t, int64_t>> SolveAssignment(
    const Eigen::MatrixXd& cost) {
  const bool rows_are_agents = cost.rows() <= cost.cols();
  const std::vector<int64_t> tasks =
      rows_are_agents ? Solver(Eigen::MatrixXd(cost.transpose())).Solve()
                      : Solver(cost).Solve();
  std::vector<std::pair<int64_t, int64_t>> pairs;
  pairs.reserve(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    const auto agent = static_cast<int64_t>(i);
    pairs.emplace_back(rows_are_agents ? agent : tasks[i],
                       rows_are_agents ? tasks[i] : agent);
  }
  return pairs;
}

}  // namespace repscore
