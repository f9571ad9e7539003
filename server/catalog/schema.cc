#include "server/catalog/schema.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace repscore::server {
namespace {

/// Migration i leads from user_version i to i + 1.
constexpr std::array<const char*, 2> kMigrations = {R"sql(
CREATE TABLE datasets (
  dataset_id TEXT PRIMARY KEY NOT NULL,
  -- Outlives the versions, so that no number is given twice.
  next_version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE dataset_versions (
  dataset_id TEXT NOT NULL REFERENCES datasets (dataset_id),
  version INTEGER NOT NULL,
  digest TEXT NOT NULL,
  data_sha256 TEXT NOT NULL,
  description TEXT NOT NULL,
  create_time_micros INTEGER NOT NULL
);
CREATE UNIQUE INDEX dataset_versions_by_name
  ON dataset_versions (dataset_id, version);
CREATE UNIQUE INDEX dataset_versions_by_digest
  ON dataset_versions (dataset_id, digest);
CREATE INDEX dataset_versions_by_blob ON dataset_versions (data_sha256);

CREATE TABLE runs (
  run_number INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  dataset_version_name TEXT NOT NULL,
  request BLOB NOT NULL,
  summary BLOB NOT NULL,
  create_time_micros INTEGER NOT NULL,
  update_time_micros INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL,
  checkpoint_sha256 TEXT NOT NULL DEFAULT '',
  artifact_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE INDEX runs_unfinished ON runs (run_number) WHERE state IN (0, 1);
CREATE INDEX runs_by_checkpoint ON runs (checkpoint_sha256)
  WHERE checkpoint_sha256 != '';
CREATE INDEX runs_by_artifact ON runs (artifact_sha256)
  WHERE artifact_sha256 != '';

CREATE TABLE run_events (
  run_number INTEGER NOT NULL REFERENCES runs (run_number),
  sequence INTEGER NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (run_number, sequence)
) WITHOUT ROWID;
)sql",
                                                    R"sql(
-- Candidates and snapshots of runs.
CREATE TABLE run_arrays (
  run_number INTEGER NOT NULL REFERENCES runs (run_number),
  array_name TEXT NOT NULL,
  spec BLOB NOT NULL,
  blob_sha256 TEXT NOT NULL,
  PRIMARY KEY (run_number, array_name)
) WITHOUT ROWID;
CREATE INDEX run_arrays_by_blob ON run_arrays (blob_sha256);
INSERT INTO run_arrays (run_number, array_name, spec, blob_sha256)
  SELECT run_number, 'members/0/candidate', x'', artifact_sha256 FROM runs
  WHERE artifact_sha256 != '';
DROP INDEX runs_by_artifact;
ALTER TABLE runs DROP COLUMN artifact_sha256;

ALTER TABLE runs ADD COLUMN dataset_digest TEXT NOT NULL DEFAULT '';
UPDATE runs SET dataset_digest = COALESCE(
  (SELECT digest FROM dataset_versions
   WHERE 'datasets/' || dataset_id || '/versions/' || version
         = dataset_version_name), '');
CREATE INDEX runs_by_dataset ON runs (dataset_digest, run_number);

-- What makes two calibration runs of a dataset the same one; '' for others.
ALTER TABLE runs ADD COLUMN calibration_key TEXT NOT NULL DEFAULT '';
-- A failed or cancelled run (states 3 and 4) makes way for another.
CREATE UNIQUE INDEX runs_by_calibration
  ON runs (dataset_digest, calibration_key)
  WHERE calibration_key != '' AND state IN (0, 1, 2);

-- Plans whose runs have not been started yet.
CREATE TABLE calibration_plans (
  plan_number INTEGER PRIMARY KEY AUTOINCREMENT,
  dataset_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  plan BLOB NOT NULL
);

-- Results that depend on a dataset's content and the request alone.
CREATE TABLE analyses (
  dataset_digest TEXT NOT NULL,
  kind TEXT NOT NULL,
  request_sha256 TEXT NOT NULL,
  result BLOB NOT NULL,
  create_time_micros INTEGER NOT NULL,
  PRIMARY KEY (dataset_digest, kind, request_sha256)
) WITHOUT ROWID;
)sql"};

absl::Status CheckIntegrity(sqlite::Database& database) {
  REPSCORE_ASSIGN_OR_RETURN(sqlite::Statement check,
                            database.Query("PRAGMA quick_check(1)"));
  REPSCORE_ASSIGN_OR_RETURN(const bool has_row, check.Step());
  const std::string verdict = has_row ? check.Text(0) : "no verdict";
  return verdict == "ok" ? absl::OkStatus() : absl::DataLossError(verdict);
}

absl::StatusOr<int64_t> UserVersion(sqlite::Database& database) {
  REPSCORE_ASSIGN_OR_RETURN(sqlite::Statement query,
                            database.Query("PRAGMA user_version"));
  REPSCORE_RETURN_IF_ERROR(query.Step().status());
  return query.Int(0);
}

absl::Status Migrate(sqlite::Database& database) {
  constexpr auto kCurrent = static_cast<int64_t>(kMigrations.size());
  REPSCORE_ASSIGN_OR_RETURN(int64_t version, UserVersion(database));
  if (version < 0 || version > kCurrent) {
    return absl::FailedPreconditionError(
        absl::StrCat("catalog.db has schema version ",
                     version,
                     ", this server knows ",
                     kCurrent,
                     ": a newer server wrote it"));
  }
  for (; version < kCurrent; ++version) {
    REPSCORE_ASSIGN_OR_RETURN(sqlite::Transaction transaction,
                              sqlite::Transaction::Begin(database));
    REPSCORE_RETURN_IF_ERROR(
        database.Execute(kMigrations[static_cast<size_t>(version)]));
    REPSCORE_RETURN_IF_ERROR(
        database.Execute(absl::StrCat("PRAGMA user_version = ", version + 1)));
    REPSCORE_RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PrepareDatabase(sqlite::Database& database) {
  REPSCORE_RETURN_IF_ERROR(
      database.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
                       "PRAGMA foreign_keys = ON"));
  REPSCORE_RETURN_IF_ERROR(CheckIntegrity(database));
  return Migrate(database);
}

}  // namespace repscore::server
