#include "server/catalog/analysis_store.h"

#include <chrono>

#include "core/base/digest.h"
#include "core/base/status_macros.h"
#include "server/catalog/names.h"

namespace repscore::server {
namespace {

using sqlite::Blob;
using sqlite::Database;
using sqlite::Statement;

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

absl::StatusOr<std::vector<PendingCalibration>>
AnalysisStore::PendingCalibrations() {
  using Plans = std::vector<PendingCalibration>;
  return storage_.Read([](Database& database) -> absl::StatusOr<Plans> {
    REPSCORE_ASSIGN_OR_RETURN(
        Statement query,
        database.Query("SELECT plan_number, dataset_id, version, plan"
                       " FROM calibration_plans ORDER BY plan_number"));
    Plans plans;
    while (true) {
      REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
      if (!has_row) {
        return plans;
      }
      plans.push_back({.plan_number = query.Int(0),
                       .dataset_version_name =
                           FormatDatasetName(query.Text(1), query.Int(2)),
                       .plan = query.Text(3)});
    }
  });
}

absl::Status AnalysisStore::DropPendingCalibration(int64_t plan_number) {
  return storage_.Write(
      "drop_plan",
      {},
      [&](Database& database, std::vector<std::string>& /*dropped*/) {
        return database
            .Change("DELETE FROM calibration_plans WHERE plan_number = ?1",
                    plan_number)
            .status();
      });
}

absl::StatusOr<std::string> AnalysisStore::Get(std::string_view dataset_digest,
                                               std::string_view kind,
                                               std::string_view request) {
  const std::string request_digest = Sha256Hex(request);
  return storage_.Read([&](Database& database) -> absl::StatusOr<std::string> {
    REPSCORE_ASSIGN_OR_RETURN(
        Statement query,
        database.Query("SELECT result FROM analyses WHERE dataset_digest = ?1"
                       " AND kind = ?2 AND request_sha256 = ?3",
                       dataset_digest,
                       kind,
                       request_digest));
    REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row) {
      return absl::NotFoundError("there is no such analysis");
    }
    return query.Text(0);
  });
}

absl::Status AnalysisStore::Put(std::string_view dataset_digest,
                                std::string_view kind,
                                std::string_view request,
                                std::string_view result) {
  const std::string request_digest = Sha256Hex(request);
  return storage_.Write(
      "put_analysis",
      {},
      [&](Database& database, std::vector<std::string>& /*dropped*/) {
        return database
            .Change(
                "INSERT OR REPLACE INTO analyses (dataset_digest, kind,"
                " request_sha256, result, create_time_micros)"
                " SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS"
                " (SELECT 1 FROM dataset_versions WHERE digest = ?1)",
                dataset_digest,
                kind,
                request_digest,
                Blob{result},
                NowMicros())
            .status();
      });
}

}  // namespace repscore::server
