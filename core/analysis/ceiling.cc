#include "core/analysis/ceiling.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/host.h"

namespace repscore {
namespace {

/// Presentations (conditions of the original) of every condition of the
/// average.
std::vector<std::vector<int64_t>> PresentationsOf(const Dataset& dataset) {
  std::unordered_map<std::string, size_t> position;
  for (const std::string& id : dataset.description.row_ids) {
    position.emplace(id, position.size());
  }
  std::vector<std::vector<int64_t>> presentations(position.size());
  const std::vector<std::string>& ids =
      dataset.repetitions->description.row_ids;
  for (size_t c = 0; c < ids.size(); ++c) {
    presentations[position.at(ids[c])].push_back(static_cast<int64_t>(c));
  }
  return presentations;
}

/// A column-centred side on the backend, with its means.
struct CentredSide {
  Matrix rows;
  Matrix means;
};

CentredSide Uploaded(Backend& backend, const Eigen::MatrixXd& rows) {
  CentredSide side;
  side.rows = ToBackend(backend, rows);
  side.means = backend.Allocate(rows.cols(), 1, ScalarType::kFloat64);
  backend.CentreColumns(side.rows, side.means);
  return side;
}

}  // namespace

std::string WhyNoHalves(const Dataset& dataset) {
  if (dataset.repetitions == nullptr) {
    return StrCat(dataset.name,
                  " has no repetitions: register single presentations, with "
                  "equal row ids for the same condition");
  }
  const std::vector<std::vector<int64_t>> presentations =
      PresentationsOf(dataset);
  for (size_t i = 0; i < presentations.size(); ++i) {
    if (presentations[i].size() < 2) {
      return StrCat(dataset.name,
                    " has one presentation of '",
                    dataset.description.row_ids[i],
                    "'; two of every condition are needed");
    }
  }
  return {};
}

RandomHalves::RandomHalves(const Dataset& dataset, uint64_t seed)
    : dataset_(dataset),
      seed_(seed),
      presentations_(PresentationsOf(dataset)),
      all_(dataset.repetitions->features(), dataset.repetitions->rows()) {
  ConvertToDouble(
      dataset.repetitions->description.spec.type,
      dataset.repetitions->data,
      absl::MakeSpan(all_.data(), static_cast<size_t>(all_.size())));
}

std::array<Eigen::MatrixXd, 2> RandomHalves::Draw(int64_t split) const {
  const int64_t original_conditions = dataset_.repetitions->conditions();
  const int64_t times = dataset_.rows() / dataset_.conditions();
  const auto conditions = static_cast<int64_t>(presentations_.size());
  std::array<Eigen::MatrixXd, 2> halves;
  halves.fill(Eigen::MatrixXd::Zero(all_.rows(), dataset_.rows()));
  for (int64_t c = 0; c < conditions; ++c) {
    const std::vector<int64_t>& own = presentations_[static_cast<size_t>(c)];
    const auto count = static_cast<int64_t>(own.size());
    const auto index = static_cast<uint64_t>(split * conditions + c);
    const Philox random(seed_, RandomStream(RandomUse::kHalves, index));
    const std::vector<int64_t> drawn = random.Permutation(count);
    // Far from the blocks that the permutation uses.
    const bool coin = random.Uniform(uint64_t{1} << 40U) < 0.5;
    const int64_t first = (count + (coin ? 1 : 0)) / 2;
    for (int64_t t = 0; t < times; ++t) {
      for (int64_t i = 0; i < count; ++i) {
        const size_t half = i < first ? 0 : 1;
        const auto members =
            static_cast<double>(half == 0 ? first : count - first);
        halves[half].col(t * conditions + c) +=
            all_.col(t * original_conditions +
                     own[static_cast<size_t>(drawn[static_cast<size_t>(i)])]) /
            members;
      }
    }
  }
  return halves;
}

absl::StatusOr<DrawnScores> ScoreHalves(const Reference& reference,
                                        const Resampler& resampler,
                                        int64_t splits,
                                        uint64_t seed,
                                        const Continue& keep_going) {
  const RandomHalves random(reference.dataset(), seed);
  DrawnScores scores;
  for (int64_t split = 0; split < splits; ++split) {
    REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
    const std::array<Eigen::MatrixXd, 2> halves = random.Draw(split);
    const CentredSide one =
        Uploaded(reference.backend(), halves[0].transpose());
    const CentredSide two =
        Uploaded(reference.backend(), halves[1].transpose());
    scores.draws.push_back(resampler.Score({.candidate = one.rows,
                                            .candidate_means = one.means,
                                            .reference = two.rows,
                                            .compressed = {},
                                            .reference_means = two.means},
                                           scores.failure));
  }
  return scores;
}

Values ScoreConditionAverage(const Reference& reference,
                             const Resampler& resampler,
                             std::string& failure) {
  Backend& backend = reference.backend();
  const int64_t conditions = reference.conditions();
  Eigen::MatrixXd rows = ToHost(backend, reference.centred());
  for (int64_t first = 0; first < rows.rows(); first += conditions) {
    const Eigen::RowVectorXd mean =
        rows.middleRows(first, conditions).colwise().mean();
    rows.middleRows(first, conditions).rowwise() = mean;
  }
  const CentredSide average = Uploaded(backend, rows);
  return resampler.Score({.candidate = average.rows,
                          .candidate_means = reference.means(),
                          .reference = reference.centred(),
                          .compressed = reference.compressed(),
                          .reference_means = reference.means()},
                         failure);
}

}  // namespace repscore
