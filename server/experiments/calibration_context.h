// What a score means, beside the score: readings of the dataset's stored
// calibrations. Immutable once loaded.
#ifndef REPSCORE_SERVER_EXPERIMENTS_CALIBRATION_CONTEXT_H_
#define REPSCORE_SERVER_EXPERIMENTS_CALIBRATION_CONTEXT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/analysis/calibration.h"
#include "core/data/dataset.h"
#include "repscore/v1/types.pb.h"
#include "server/convert.h"
#include "server/parts.h"

namespace repscore::server {

class CalibrationContext {
 public:
  using Specs = google::protobuf::RepeatedPtrField<v1::MeasureSpec>;

  /// Of the measures of a request on a dataset; landmarks are the stored ones.
  /// Disk.
  static absl::StatusOr<std::shared_ptr<const CalibrationContext>> Load(
      Parts& parts,
      const Dataset& dataset,
      const Specs& specs,
      const Measures& measures);

  /// Of a reference that is no dataset: there is nothing to read.
  static std::shared_ptr<const CalibrationContext> OfInlineReference();

  /// Adds a reading, or a note CALIBRATION_MISSING, to every score of the
  /// request's measures, in their order.
  void AddTo(google::protobuf::RepeatedPtrField<v1::Score>* scores) const;

 private:
  struct Entry {
    std::optional<MeasureCalibration> calibration;
    /// How the statement calls the measure.
    std::string name;
  };

  std::vector<Entry> entries_;
  /// Why a score has none, and how to get one.
  std::string missing_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_CALIBRATION_CONTEXT_H_
