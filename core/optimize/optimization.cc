#include "core/optimize/optimization.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/optimize/checkpoint.h"
#include "core/optimize/member.h"
#include "core/optimize/run_problem.h"

namespace repscore {
namespace {

// Queues of a device that members go side by side on: each has handles and
// workspace of its own.
constexpr int64_t kMostQueues = 8;

/// Seconds of a run that has taken some before.
class Stopwatch {
 public:
  explicit Stopwatch(double before) : before_(before) {}

  double seconds() const {
    return before_ + std::chrono::duration<double>(
                         std::chrono::steady_clock::now() - start_)
                         .count();
  }

 private:
  const double before_;
  const std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
};

class OptimizationImpl final : public Optimization {
 public:
  explicit OptimizationImpl(std::unique_ptr<const RunProblem> problem)
      : problem_(std::move(problem)),
        backend_(problem_->reference->backend()) {}

  absl::Status Prepare() {
    for (const auto& measure : problem_->measures) {
      ids_.push_back(measure->id());
    }
    for (const auto& measure : problem_->tracked) {
      tracked_ids_.push_back(measure->id());
    }
    const OptimizationPlan& plan = problem_->plan;
    const int64_t count = plan.targets.empty()
                              ? plan.restarts
                              : static_cast<int64_t>(plan.targets.size());
    // One member alone takes a thread of the CPU, or all of a device.
    side_by_side_ =
        problem_->is_small() && (count > 1 || backend_.name() == "cpu");
    turn_steps_ = count > 1 ? problem_->turn_steps() : 1;
    int64_t at_once =
        side_by_side_ ? std::min<int64_t>(count, backend_.threads()) : 0;
    if (backend_.name() != "cpu") {
      at_once = std::min(at_once, kMostQueues);
    }
    for (int64_t i = 0; i < at_once; ++i) {
      backends_.push_back(backend_.Sibling(1));
      backends_.back()->RoundFactors(plan.rounding);
    }
    for (int64_t i = 0; i < count; ++i) {
      Backend& backend = side_by_side_ ? *backends_[BackendOf(i)] : backend_;
      REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<Member> member,
                                Member::Create(*problem_, backend, i));
      starts_.push_back(member->start());
      members_.push_back(std::move(member));
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& measures() const override { return ids_; }
  const std::vector<std::string>& tracked() const override {
    return tracked_ids_;
  }
  const std::vector<DecodedLabel>& labels() const override {
    return problem_->labels;
  }
  const std::vector<double>& variance_shares() const override {
    return problem_->variance_shares;
  }
  const std::vector<MemberStart>& members() const override { return starts_; }

  int64_t active_members() const override {
    return std::count_if(
        members_.begin(), members_.end(), [](const auto& member) {
          return member->stop_reason() == StopReason::kNone;
        });
  }

  int64_t steps() const override {
    int64_t most = 0;
    for (const auto& member : members_) {
      most = std::max(most, member->steps());
    }
    return most;
  }

  StopReason stop_reason() const override {
    return active_members() > 0 ? StopReason::kNone
                                : members_[Best()]->stop_reason();
  }

  std::vector<TracePoint> TakeTrace() override {
    return std::exchange(trace_, {});
  }
  std::vector<Snapshot> TakeSnapshots() override {
    return std::exchange(snapshots_, {});
  }

  absl::Status Step() override {
    return Guarded([this]() -> absl::Status {
      const ScopedRounding rounding(backend_, problem_->plan.rounding);
      const std::vector<Member*> group = NextGroup();
      const Stopwatch clock(elapsed_);
      std::vector<std::vector<TracePoint>> points(group.size());
      std::vector<absl::Status> statuses(group.size());
      ForEach(static_cast<int64_t>(group.size()),
              static_cast<int>(group.size()),
              [&](int64_t i) {
                const auto at = static_cast<size_t>(i);
                statuses[at] = TakeTurn(*group[at], clock, points[at]);
              });
      elapsed_ = clock.seconds();
      for (size_t i = 0; i < group.size(); ++i) {
        std::move(
            points[i].begin(), points[i].end(), std::back_inserter(trace_));
        for (Snapshot& snapshot : group[i]->TakeSnapshots()) {
          snapshots_.push_back(std::move(snapshot));
        }
      }
      for (const absl::Status& status : statuses) {
        REPSCORE_RETURN_IF_ERROR(status);
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<std::string> Checkpoint() const override {
    return Guarded([this]() -> absl::StatusOr<std::string> {
      int64_t bytes = 0;
      for (const auto& member : members_) {
        bytes += member->state_bytes();
      }
      CheckpointWriter writer(bytes);
      writer.Write(static_cast<int64_t>(members_.size()));
      writer.Write(static_cast<int64_t>(next_));
      writer.Write(elapsed_);
      for (const auto& member : members_) {
        member->Write(writer);
      }
      return writer.Finish();
    });
  }

  absl::Status Restore(std::string_view checkpoint) {
    return Guarded([&]() -> absl::Status {
      REPSCORE_ASSIGN_OR_RETURN(CheckpointReader reader,
                                CheckpointReader::Open(checkpoint));
      int64_t count = 0;
      int64_t next = 0;
      REPSCORE_RETURN_IF_ERROR(reader.Read(count));
      REPSCORE_RETURN_IF_ERROR(reader.Read(next));
      REPSCORE_RETURN_IF_ERROR(reader.Read(elapsed_));
      if (count != static_cast<int64_t>(members_.size()) || next < 0 ||
          next >= count) {
        return absl::DataLossError(
            "checkpoint: it belongs to a run with other members");
      }
      next_ = static_cast<size_t>(next);
      for (const auto& member : members_) {
        REPSCORE_RETURN_IF_ERROR(member->Read(reader));
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<OptimizationResult> Finish() override {
    return Guarded([this]() -> absl::StatusOr<OptimizationResult> {
      OptimizationResult result;
      for (const auto& member : members_) {
        REPSCORE_ASSIGN_OR_RETURN(MemberResult one, member->Finish());
        result.members.push_back(std::move(one));
      }
      for (size_t i = 1; i < result.members.size(); ++i) {
        if (result.members[i].objective > result.best().objective) {
          result.best_member = static_cast<int64_t>(i);
        }
      }
      if (!problem_->plan.targets.empty() && ids_.size() == 2 &&
          starts_.front().targets.size() == 2) {
        result.allowed_range = RangeOf(result.members);
      }
      return result;
    });
  }

 private:
  /// Of the highest last objective; the first of equals.
  size_t Best() const {
    size_t best = 0;
    for (size_t i = 1; i < members_.size(); ++i) {
      if (members_[i]->objective() > members_[best]->objective()) {
        best = i;
      }
    }
    return best;
  }

  /// Of a member where members are worked on side by side.
  size_t BackendOf(int64_t member) const {
    return static_cast<size_t>(member) % backends_.size();
  }

  /// The next active members in turn, one of every backend.
  std::vector<Member*> NextGroup() {
    std::vector<Member*> group;
    std::vector<bool> taken(std::max<size_t>(1, backends_.size()), false);
    const size_t first = next_;
    bool passed_over = false;
    for (size_t i = 0; i < members_.size() && group.size() < taken.size();
         ++i) {
      const size_t at = (first + i) % members_.size();
      if (members_[at]->stop_reason() != StopReason::kNone) {
        continue;
      }
      const size_t backend =
          side_by_side_ ? BackendOf(static_cast<int64_t>(at)) : 0;
      if (!taken[backend]) {
        taken[backend] = true;
        group.push_back(members_[at].get());
      } else if (!passed_over) {
        passed_over = true;
        next_ = at;
      }
      if (!passed_over) {
        next_ = (at + 1) % members_.size();
      }
    }
    return group;
  }

  /// Steps of one member, with the points that they record.
  absl::Status TakeTurn(Member& member,
                        const Stopwatch& clock,
                        std::vector<TracePoint>& points) const {
    for (int64_t step = 0;
         step < turn_steps_ && member.stop_reason() == StopReason::kNone;
         ++step) {
      const absl::Status status =
          Guarded([&] { return member.Step(clock.seconds()); });
      for (TracePoint& point : member.TakeTrace()) {
        point.elapsed_seconds = clock.seconds();
        points.push_back(std::move(point));
      }
      REPSCORE_RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }

  AllowedRange RangeOf(const std::vector<MemberResult>& results) const {
    RangeInput input;
    input.first_measure = ids_[0];
    input.second_measure = ids_[1];
    const int64_t most = problem_->reference->rows() - 1;
    input.candidate_rank = std::min(most, problem_->features);
    input.reference_rank = std::min(most, problem_->reference->features());
    for (size_t i = 0; i < members_.size(); ++i) {
      const std::vector<double>& target = starts_[i].targets;
      input.targets.push_back({.first = target[0], .second = target[1]});
      const std::vector<ScoreResult>& end = results[i].scores;
      input.ends.push_back({.first = end[0].value, .second = end[1].value});
      std::vector<RangePoint>& path = input.paths.emplace_back();
      for (const std::vector<double>& point : members_[i]->history().scores) {
        path.push_back({.first = point[0], .second = point[1]});
      }
    }
    return ComputeAllowedRange(input);
  }

  const std::unique_ptr<const RunProblem> problem_;
  Backend& backend_;
  std::vector<std::string> ids_;
  std::vector<std::string> tracked_ids_;
  std::vector<MemberStart> starts_;
  /// One per thread where members are worked on side by side.
  std::vector<std::unique_ptr<Backend>> backends_;
  std::vector<std::unique_ptr<Member>> members_;
  bool side_by_side_ = false;
  int64_t turn_steps_ = 1;
  /// Member whose turn it is.
  size_t next_ = 0;
  double elapsed_ = 0.0;
  std::vector<TracePoint> trace_;
  std::vector<Snapshot> snapshots_;
};

absl::StatusOr<std::unique_ptr<OptimizationImpl>> Prepared(
    std::shared_ptr<const Reference> reference, OptimizationPlan plan) {
  return Guarded([&]() -> absl::StatusOr<std::unique_ptr<OptimizationImpl>> {
    REPSCORE_RETURN_IF_ERROR(ValidatePlan(plan));
    REPSCORE_ASSIGN_OR_RETURN(
        std::unique_ptr<const RunProblem> problem,
        MakeRunProblem(std::move(reference), std::move(plan)));
    auto optimization = std::make_unique<OptimizationImpl>(std::move(problem));
    REPSCORE_RETURN_IF_ERROR(optimization->Prepare());
    return optimization;
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Optimization>> Optimization::Create(
    std::shared_ptr<const Reference> reference, OptimizationPlan plan) {
  return Prepared(std::move(reference), std::move(plan));
}

absl::StatusOr<std::unique_ptr<Optimization>> Optimization::Resume(
    std::shared_ptr<const Reference> reference,
    OptimizationPlan plan,
    std::string_view checkpoint) {
  REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<OptimizationImpl> optimization,
                            Prepared(std::move(reference), std::move(plan)));
  REPSCORE_RETURN_IF_ERROR(optimization->Restore(checkpoint));
  return optimization;
}

}  // namespace repscore
