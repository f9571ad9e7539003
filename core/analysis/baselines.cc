#include "core/analysis/baselines.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/analysis/ceiling.h"
#include "core/analysis/draw_statistics.h"
#include "core/analysis/resampling.h"
#include "core/analysis/surrogate.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr int64_t kMostDraws = 1000;
// Philox streams, one per use and draw.
constexpr uint64_t kShuffleStream = uint64_t{0x62617365} << 32U;  // "base"
constexpr uint64_t kNeuronStream = kShuffleStream + kMostDraws;

constexpr std::array<std::string_view, 7> kKinds = {"condition_average",
                                                    "split_half",
                                                    "condition_shuffle",
                                                    "time_shuffle",
                                                    "neuron_subsample",
                                                    "noise",
                                                    "surrogate"};

class BaselineMaker {
 public:
  BaselineMaker(const Reference& reference,
                const Resampler& resampler,
                const BaselineRequest& request,
                const KeepGoing& keep_going)
      : reference_(reference),
        backend_(reference.backend()),
        resampler_(resampler),
        request_(request),
        keep_going_(keep_going),
        conditions_(reference.conditions()),
        times_(reference.rows() / reference.conditions()) {}

  /// Why the kind is not defined for this dataset, or a note with no reason.
  MeasureWarning WhyNot(std::string_view kind) const {
    const std::string& name = reference_.dataset().name;
    if (times_ == 1 &&
        (kind == "condition_average" || kind == "time_shuffle")) {
      return {.reason = "NO_TIME_AXIS",
              .message = StrCat(kind, ": ", name, " has no time bins")};
    }
    if (conditions_ == 1 && kind == "condition_shuffle") {
      return {.reason = "SINGLE_CONDITION",
              .message = StrCat(kind, ": ", name, " has a single condition")};
    }
    if (reference_.features() < 2 && kind == "neuron_subsample") {
      return {.reason = "SINGLE_NEURON",
              .message = StrCat(kind, ": ", name, " has a single neuron")};
    }
    if (kind == "split_half") {
      const std::string why = WhyNoHalves(reference_.dataset());
      if (!why.empty()) {
        return {.reason = "NO_REPETITIONS", .message = StrCat(kind, ": ", why)};
      }
    }
    return {};
  }

  absl::StatusOr<DrawnScores> Draw(std::string_view kind) const {
    if (kind == "split_half") {
      return ScoreHalves(
          reference_, resampler_, request_.draws, request_.seed, keep_going_);
    }
    DrawnScores scores;
    if (kind == "condition_average") {
      scores.draws.push_back(
          ScoreConditionAverage(reference_, resampler_, scores.failure));
      return scores;
    }
    for (int64_t draw = 0; draw < request_.draws; ++draw) {
      REPSCORE_RETURN_IF_ERROR(keep_going_ ? keep_going_() : absl::OkStatus());
      scores.draws.push_back(Score(Candidate(kind, draw), scores.failure));
    }
    return scores;
  }

 private:
  struct Side {
    Matrix rows;
    Matrix means;
  };

  Values Score(const Side& candidate, std::string& failure) const {
    return resampler_.Score({.candidate = candidate.rows,
                             .candidate_means = candidate.means,
                             .reference = reference_.centred(),
                             .compressed = reference_.compressed(),
                             .reference_means = reference_.means()},
                            failure);
  }

  Side Candidate(std::string_view kind, int64_t draw) const {
    const Matrix& y = reference_.centred();
    const auto index = static_cast<uint64_t>(draw);
    if (kind == "noise") {
      return Noise(request_.seed + index);
    }
    if (kind == "surrogate") {
      return {.rows = MatchedGaussian(reference_, request_.seed + index),
              .means = reference_.means()};
    }
    if (kind == "neuron_subsample") {
      return HalfOfNeurons(index);
    }
    const Philox random(request_.seed, kShuffleStream + index);
    const bool conditions = kind == "condition_shuffle";
    const std::vector<int64_t> order =
        random.Permutation(conditions ? conditions_ : times_);
    std::vector<int64_t> rows;
    for (int64_t t = 0; t < times_; ++t) {
      for (int64_t c = 0; c < conditions_; ++c) {
        rows.push_back(conditions
                           ? t * conditions_ + order[static_cast<size_t>(c)]
                           : order[static_cast<size_t>(t)] * conditions_ + c);
      }
    }
    Side side;
    side.rows = backend_.Allocate(y.rows(), y.cols(), kDouble);
    backend_.GatherRows(y, rows, side.rows);
    side.means = reference_.means();
    return side;
  }

  /// As a run's GaussianStart of the same seed.
  Side Noise(uint64_t seed) const {
    const Matrix& y = reference_.centred();
    std::vector<double> normals(static_cast<size_t>(y.size()));
    Philox(seed).FillNormal(0, absl::MakeSpan(normals));
    const Matrix transposed = backend_.Allocate(y.cols(), y.rows(), kDouble);
    backend_.Upload(normals, transposed);
    Side side;
    side.rows = backend_.Allocate(y.rows(), y.cols(), kDouble);
    backend_.Transpose(transposed, side.rows);
    side.means = backend_.Allocate(y.cols(), 1, kDouble);
    backend_.CentreColumns(side.rows, side.means);
    return side;
  }

  Side HalfOfNeurons(uint64_t index) const {
    const Matrix& y = reference_.centred();
    std::vector<int64_t> columns =
        Philox(request_.seed, kNeuronStream + index).Permutation(y.cols());
    columns.resize(static_cast<size_t>((y.cols() + 1) / 2));
    std::sort(columns.begin(), columns.end());
    const auto count = static_cast<int64_t>(columns.size());
    Side side;
    side.rows = backend_.Allocate(y.rows(), count, kDouble);
    for (int64_t j = 0; j < count; ++j) {
      backend_.Copy(y.Columns(columns[static_cast<size_t>(j)], 1),
                    side.rows.Columns(j, 1));
    }
    side.means = backend_.Allocate(count, 1, kDouble);
    backend_.GatherRows(reference_.means(), columns, side.means);
    return side;
  }

  const Reference& reference_;
  Backend& backend_;
  const Resampler& resampler_;
  const BaselineRequest& request_;
  const KeepGoing& keep_going_;
  const int64_t conditions_;
  const int64_t times_;
};

absl::Status CheckRequest(const BaselineRequest& request) {
  if (request.draws < 1 || request.draws > kMostDraws) {
    return absl::InvalidArgumentError(
        StrCat("draws: ", request.draws, " is not from 1 to ", kMostDraws));
  }
  for (size_t i = 0; i < request.kinds.size(); ++i) {
    if (std::find(kKinds.begin(), kKinds.end(), request.kinds[i]) !=
        kKinds.end()) {
      continue;
    }
    std::string known;
    for (const std::string_view kind : kKinds) {
      known += StrCat(known.empty() ? "" : ", ", kind);
    }
    return absl::InvalidArgumentError(StrCat(
        "kinds[", i, "]: \"", request.kinds[i], "\" is none of ", known));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Span<const std::string_view> LandmarkKinds() {
  return kKinds;
}

absl::StatusOr<Baselines> ComputeBaselines(
    const Reference& reference,
    absl::Span<const std::shared_ptr<const Measure>> measures,
    const BaselineRequest& request,
    const KeepGoing& keep_going) {
  REPSCORE_RETURN_IF_ERROR(CheckRequest(request));
  return Guarded([&]() -> absl::StatusOr<Baselines> {
    REPSCORE_ASSIGN_OR_RETURN(const Resampler resampler,
                              Resampler::Create(reference, measures));
    const BaselineMaker maker(reference, resampler, request, keep_going);
    Baselines baselines;
    for (const auto& measure : measures) {
      baselines.measures.push_back({.measure = measure->id(), .landmarks = {}});
    }
    std::vector<std::string> kinds = request.kinds;
    if (kinds.empty()) {
      kinds.assign(kKinds.begin(), kKinds.end());
    }
    for (const std::string& kind : kinds) {
      MeasureWarning why_not = maker.WhyNot(kind);
      if (!why_not.reason.empty()) {
        baselines.notes.push_back(std::move(why_not));
        continue;
      }
      REPSCORE_ASSIGN_OR_RETURN(const DrawnScores scores, maker.Draw(kind));
      for (size_t m = 0; m < measures.size(); ++m) {
        const std::optional<DrawStatistics> drawn = StatisticsOf(scores, m);
        if (drawn.has_value()) {
          baselines.measures[m].landmarks.push_back(
              {.kind = kind,
               .value = drawn->mean,
               .standard_deviation = drawn->standard_deviation});
        } else {
          baselines.notes.push_back(
              {.reason = "UNDEFINED_BASELINE",
               .message = StrCat(
                   kind, " of ", measures[m]->id(), ": ", scores.failure)});
        }
      }
    }
    return baselines;
  });
}

}  // namespace repscore
