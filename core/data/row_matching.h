// Which row is which: repetitions of one condition, and candidates whose rows
// come in another order.
#ifndef REPSCORE_CORE_DATA_ROW_MATCHING_H_
#define REPSCORE_CORE_DATA_ROW_MATCHING_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace repscore {

/// The dataset that is scored: conditions (or samples) with equal row ids are
/// repetitions and averaged, in the order in which ids first appear; labels
/// and groups are those of the first. `dataset` itself when ids are unique or
/// absent. The result (float64) keeps the original as `repetitions`. Name,
/// version and digest stay.
absl::StatusOr<std::shared_ptr<const Dataset>> AverageRepetitions(
    std::shared_ptr<const Dataset> dataset);

/// `candidate` with its rows in the order of the dataset's row ids; rows with
/// equal ids are averaged. `ids` has one entry per condition (or sample) of
/// the candidate: per row for rank 2, per index of the second axis for rank 3.
/// InvalidArgument naming `field` when the dataset has no row ids, the count
/// is wrong, or ids are missing or extra (the first few of each in the
/// message). float64 when anything was averaged, else the type that came.
absl::StatusOr<HostArray> MatchRows(const Dataset& dataset,
                                    const HostArray& candidate,
                                    const std::vector<std::string>& ids,
                                    std::string_view field);

}  // namespace repscore

#endif  // REPSCORE_CORE_DATA_ROW_MATCHING_H_
