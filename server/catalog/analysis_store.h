// Calibration plans that wait and results of analyses: the part of Catalog that
// concerns them. Thread-safe.
#ifndef REPSCORE_SERVER_CATALOG_ANALYSIS_STORE_H_
#define REPSCORE_SERVER_CATALOG_ANALYSIS_STORE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/catalog/catalog.h"
#include "server/catalog/storage.h"

namespace repscore::server {

class AnalysisStore {
 public:
  /// `storage` must outlive it.
  explicit AnalysisStore(Storage& storage) : storage_(storage) {}

  /// As Catalog's functions.
  absl::StatusOr<std::vector<PendingCalibration>> PendingCalibrations();
  absl::Status DropPendingCalibration(int64_t plan_number);
  absl::StatusOr<std::string> Get(std::string_view dataset_digest,
                                  std::string_view kind,
                                  std::string_view request);
  absl::Status Put(std::string_view dataset_digest,
                   std::string_view kind,
                   std::string_view request,
                   std::string_view result);

 private:
  Storage& storage_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_ANALYSIS_STORE_H_
