#include "server/runs/run_follower.h"

#include <algorithm>
#include <utility>

#include "server/error.h"
#include "server/runs/run_arrays.h"
#include "server/status.h"

namespace repscore::server {
namespace {

constexpr int64_t kPageEvents = 256;
constexpr size_t kChunkBytes = size_t{1} << 20;

}  // namespace

RunFollower::RunFollower(Catalog& catalog,
                         Executor& disk,
                         Sink& sink,
                         Options options)
    : catalog_(catalog),
      disk_(disk),
      sink_(sink),
      options_(options),
      sequence_(options.after_sequence) {}

void RunFollower::Follow(const std::string& run_id,
                         const std::shared_ptr<LiveRun>& run) {
  {
    const std::lock_guard lock(mutex_);
    run_id_ = run_id;
    run_ = run;
    is_busy_ = false;
  }
  if (run != nullptr) {
    run->AddListener(weak_from_this());
  }
  Advance();
}

void RunFollower::Sent(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
    if (!ok && !end_.has_value()) {
      end_ = absl::CancelledError("the reader is gone");
    }
  }
  Advance();
}

void RunFollower::Stop(const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_.has_value()) {
      end_ = status;
    }
  }
  Advance();
}

void RunFollower::Advance() {
  v1::RunEvent event;
  absl::Status end;
  Step step = Step::kNothing;
  {
    const std::lock_guard lock(mutex_);
    if (is_busy_ || has_ended_) {
      return;
    }
    step = NextStepLocked(event);
    is_busy_ = step != Step::kNothing;
    if (step == Step::kEnd) {
      has_ended_ = true;
      end = end_.value_or(absl::OkStatus());
    }
  }
  switch (step) {
    case Step::kNothing:
      break;
    case Step::kSend:
      sink_.Send(std::move(event));
      break;
    case Step::kEnd:
      sink_.End(end);
      break;
    case Step::kRead:
      disk_.Post([self = shared_from_this()] { self->ReadPage(); });
      break;
    case Step::kLoadCandidate:
      disk_.Post([self = shared_from_this()] { self->LoadCandidate(); });
      break;
  }
}

RunFollower::Step RunFollower::NextStepLocked(v1::RunEvent& event) {
  if (end_.has_value()) {
    return Step::kEnd;
  }
  if (result_.has_value()) {
    return ResultLocked(event);
  }
  const Step step = NextEventLocked(event);
  if (step != Step::kSend || !event.has_result()) {
    return step;
  }
  result_ = std::move(event);
  return ResultLocked(event);
}

RunFollower::Step RunFollower::NextEventLocked(v1::RunEvent& event) {
  std::string payload;
  if (!page_.empty()) {
    payload = std::move(page_.front().payload);
    page_.pop_front();
  } else if (run_ == nullptr) {
    return Step::kRead;
  } else {
    switch (run_->Next(sequence_, payload)) {
      case LiveRun::Found::kEvent:
        break;
      case LiveRun::Found::kNotYet:
        return Step::kNothing;
      case LiveRun::Found::kCatalog:
        return Step::kRead;
      case LiveRun::Found::kClosed:
        return Step::kEnd;
    }
  }
  if (!event.ParseFromString(payload)) {
    end_ = absl::DataLossError("a stored event of the run is damaged");
    return Step::kEnd;
  }
  sequence_ = event.sequence();
  return Step::kSend;
}

RunFollower::Step RunFollower::ResultLocked(v1::RunEvent& event) {
  const v1::RunResult& result = result_->result();
  if (options_.return_candidate && !result.candidate_digest().empty()) {
    if (!is_candidate_loaded_) {
      return Step::kLoadCandidate;
    }
    if (candidate_offset_ < candidate_.size()) {
      CandidateChunkLocked(event);
      return Step::kSend;
    }
  }
  if (options_.ends_with_error &&
      result.run().state() == v1::RUN_STATE_FAILED) {
    end_ = FromRpcStatus(result.run().error());
  } else {
    end_ = absl::OkStatus();
  }
  event = *std::move(result_);
  result_.reset();
  return Step::kSend;
}

void RunFollower::CandidateChunkLocked(v1::RunEvent& event) {
  const size_t size =
      std::min(kChunkBytes, candidate_.size() - candidate_offset_);
  event.set_run(result_->run());
  event.set_sequence(result_->sequence());
  v1::CandidateChunk* chunk = event.mutable_candidate_chunk();
  *chunk->mutable_spec() = result_->result().candidate();
  chunk->set_offset(static_cast<int64_t>(candidate_offset_));
  chunk->set_data(candidate_.data() + candidate_offset_, size);
  candidate_offset_ += size;
}

void RunFollower::ReadPage() {
  auto page = NoThrow([this] {
    return catalog_.ReadRunEvents(run_id_, sequence_, kPageEvents);
  });
  {
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
    if (!page.ok()) {
      end_ = page.status();
    } else if (!page->empty()) {
      page_.assign(std::make_move_iterator(page->begin()),
                   std::make_move_iterator(page->end()));
    } else if (!end_.has_value()) {
      end_ = run_ == nullptr
                 ? absl::OkStatus()
                 : absl::DataLossError("a stored event of the run is missing");
    }
  }
  Advance();
}

void RunFollower::LoadCandidate() {
  int32_t best_member = 0;
  {
    const std::lock_guard lock(mutex_);
    best_member = result_->result().best_member();
  }
  auto candidate = NoThrow([&] {
    return catalog_.ReadRunArray(run_id_, CandidateArray(best_member));
  });
  {
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
    is_candidate_loaded_ = true;
    if (candidate.ok()) {
      candidate_ = std::move(candidate->bytes);
    } else if (!end_.has_value()) {
      end_ = candidate.status();
    }
  }
  Advance();
}

}  // namespace repscore::server
