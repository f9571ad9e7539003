#include "server/catalog/run_store.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "server/catalog/names.h"

namespace repscore::server {
namespace {

using sqlite::Blob;
using sqlite::Database;
using sqlite::Statement;

/// Columns in the order ReadRun takes them.
constexpr char kColumns[] =
    "run_id, kind, state, dataset_version_name, request, summary, "
    "create_time_micros, update_time_micros, last_sequence, dataset_digest, "
    "calibration_key";

/// Of run_number, behind them.
constexpr int kNumberColumn = 11;

constexpr size_t kMaxPageBytes = size_t{2} << 20;

std::string SelectRuns(std::string_view clauses) {
  return absl::StrCat(
      "SELECT ", kColumns, ", run_number FROM runs ", std::string(clauses));
}

RunRecord ReadRun(const Statement& row) {
  RunRecord run;
  run.run_id = row.Text(0);
  run.kind = static_cast<int32_t>(row.Int(1));
  run.state = static_cast<RunState>(row.Int(2));
  run.dataset_version_name = row.Text(3);
  run.request = row.Text(4);
  run.summary = row.Text(5);
  run.create_time_micros = row.Int(6);
  run.update_time_micros = row.Int(7);
  run.last_sequence = row.Int(8);
  run.dataset_digest = row.Text(9);
  run.calibration_key = row.Text(10);
  return run;
}

absl::Status NoSuchRun(std::string_view run_id) {
  return absl::NotFoundError(absl::StrCat("there is no run ", Shown(run_id)));
}

bool IsFinished(RunState state) {
  return state != RunState::kQueued && state != RunState::kRunning;
}

/// The number that events refer to. NotFound.
absl::StatusOr<int64_t> RunNumber(Database& database, std::string_view run_id) {
  REPSCORE_ASSIGN_OR_RETURN(
      Statement query,
      database.Query("SELECT run_number FROM runs WHERE run_id = ?1", run_id));
  REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) {
    return NoSuchRun(run_id);
  }
  return query.Int(0);
}

absl::StatusOr<std::string> CheckpointDigest(Database& database,
                                             std::string_view run_id) {
  REPSCORE_ASSIGN_OR_RETURN(
      Statement query,
      database.Query("SELECT checkpoint_sha256 FROM runs WHERE run_id = ?1",
                     run_id));
  REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) {
    return NoSuchRun(run_id);
  }
  return query.Text(0);
}

/// Points the run to another checkpoint and drops the one before.
absl::Status ReplaceCheckpoint(Database& database,
                               std::string_view run_id,
                               const std::string& digest,
                               std::vector<std::string>& dropped) {
  REPSCORE_ASSIGN_OR_RETURN(std::string former,
                            CheckpointDigest(database, run_id));
  REPSCORE_RETURN_IF_ERROR(
      database
          .Change("UPDATE runs SET checkpoint_sha256 = ?2 WHERE run_id = ?1",
                  run_id,
                  digest)
          .status());
  if (!former.empty()) {
    dropped.push_back(std::move(former));
  }
  return absl::OkStatus();
}

/// Points an array of the run to a blob and drops the one before.
absl::Status PutArray(Database& database,
                      int64_t run_number,
                      const RunArrayRecord& array,
                      const std::string& digest,
                      std::vector<std::string>& dropped) {
  REPSCORE_ASSIGN_OR_RETURN(
      Statement query,
      database.Query("SELECT blob_sha256 FROM run_arrays"
                     " WHERE run_number = ?1 AND array_name = ?2",
                     run_number,
                     array.name));
  REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (has_row) {
    dropped.push_back(query.Text(0));
  }
  return database
      .Change(
          "INSERT OR REPLACE INTO run_arrays"
          " (run_number, array_name, spec, blob_sha256)"
          " VALUES (?1, ?2, ?3, ?4)",
          run_number,
          array.name,
          Blob{array.spec},
          digest)
      .status();
}

absl::StatusOr<std::vector<RunRecord>> ReadRuns(
    absl::StatusOr<Statement> query) {
  REPSCORE_RETURN_IF_ERROR(query.status());
  std::vector<RunRecord> runs;
  while (true) {
    REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query->Step());
    if (!has_row) {
      return runs;
    }
    runs.push_back(ReadRun(*query));
  }
}

absl::Status UpdateRun(Database& database,
                       const RunRecord& run,
                       absl::Span<const RunEventRecord> events) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t number,
                            RunNumber(database, run.run_id));
  REPSCORE_RETURN_IF_ERROR(
      database
          .Change("UPDATE runs SET state = ?2, summary = ?3,"
                  " update_time_micros = ?4, last_sequence = ?5"
                  " WHERE run_number = ?1",
                  number,
                  static_cast<int64_t>(run.state),
                  Blob{run.summary},
                  run.update_time_micros,
                  run.last_sequence)
          .status());
  for (const RunEventRecord& event : events) {
    REPSCORE_RETURN_IF_ERROR(
        database
            .Change("INSERT OR REPLACE INTO run_events"
                    " (run_number, sequence, payload) VALUES (?1, ?2, ?3)",
                    number,
                    event.sequence,
                    Blob{event.payload})
            .status());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlobWriter>> RunStore::WriteBlob(
    std::string_view purpose, absl::Span<const std::byte> bytes) {
  REPSCORE_RETURN_IF_ERROR(
      storage_.blobs().CheckRoom(static_cast<int64_t>(bytes.size())));
  REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> blob,
                            storage_.blobs().Create(purpose));
  REPSCORE_RETURN_IF_ERROR(blob->Append(bytes));
  REPSCORE_RETURN_IF_ERROR(blob->Sync());
  return blob;
}

absl::Status RunStore::Create(const RunRecord& run) {
  REPSCORE_RETURN_IF_ERROR(CheckId(run.run_id, "run_id"));
  const auto change = [&run](Database& database, std::vector<std::string>&) {
    return database
        .Change(absl::StrCat("INSERT INTO runs (",
                             kColumns,
                             ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                             " ?10, ?11)"),
                run.run_id,
                run.kind,
                static_cast<int64_t>(run.state),
                run.dataset_version_name,
                Blob{run.request},
                Blob{run.summary},
                run.create_time_micros,
                run.update_time_micros,
                run.last_sequence,
                run.dataset_digest,
                run.calibration_key)
        .status();
  };
  absl::Status status = storage_.Write("create_run", {}, change);
  if (absl::IsAlreadyExists(status)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "there is a run ", Shown(run.run_id), " or its calibration already"));
  }
  return status;
}

absl::Status RunStore::Record(const RunRecord& run,
                              absl::Span<const RunEventRecord> events,
                              std::string_view checkpoint) {
  std::unique_ptr<BlobWriter> blob;
  if (!checkpoint.empty()) {
    REPSCORE_ASSIGN_OR_RETURN(blob,
                              WriteBlob("checkpoint", AsBytes(checkpoint)));
  }
  std::vector<BlobWriter*> blobs;
  if (blob != nullptr) {
    blobs.push_back(blob.get());
  }
  return storage_.Write(
      "record_run",
      blobs,
      [&](Database& database, std::vector<std::string>& dropped) {
        REPSCORE_RETURN_IF_ERROR(UpdateRun(database, run, events));
        if (blob == nullptr && !IsFinished(run.state)) {
          return absl::OkStatus();
        }
        return ReplaceCheckpoint(database,
                                 run.run_id,
                                 blob == nullptr ? "" : blob->Digest(),
                                 dropped);
      });
}

absl::StatusOr<RunRecord> RunStore::Get(std::string_view run_id) {
  return storage_.Read([&](Database& database) -> absl::StatusOr<RunRecord> {
    REPSCORE_ASSIGN_OR_RETURN(
        Statement query,
        database.Query(SelectRuns("WHERE run_id = ?1"), run_id));
    REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row) {
      return NoSuchRun(run_id);
    }
    return ReadRun(query);
  });
}

absl::StatusOr<Page<RunRecord>> RunStore::List(const PageRequest& page) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t size, PageSize(page.size));
  REPSCORE_ASSIGN_OR_RETURN(const std::string key,
                            ParsePageToken(Listing::kRuns, page.token));
  int64_t before = INT64_MAX;
  if (!key.empty() && !absl::SimpleAtoi(key, &before)) {
    return absl::InvalidArgumentError("page_token: not of this listing");
  }
  const auto read = [&](Database& database) -> absl::StatusOr<Page<RunRecord>> {
    REPSCORE_ASSIGN_OR_RETURN(
        Statement query,
        database.Query(
            SelectRuns(
                "WHERE run_number < ?1 ORDER BY run_number DESC LIMIT ?2"),
            before,
            size + 1));
    Page<RunRecord> result;
    int64_t last_number = 0;
    size_t bytes = 0;
    while (true) {
      REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
      if (!has_row) {
        return result;
      }
      if (static_cast<int64_t>(result.items.size()) == size ||
          bytes > kMaxPageBytes) {
        result.next_page_token =
            FormatPageToken(Listing::kRuns, absl::StrCat(last_number));
        return result;
      }
      result.items.push_back(ReadRun(query));
      bytes += result.items.back().summary.size() +
               result.items.back().request.size();
      last_number = query.Int(kNumberColumn);
    }
  };
  return storage_.Read(read);
}

absl::StatusOr<std::vector<RunEventRecord>> RunStore::ReadEvents(
    std::string_view run_id, int64_t after_sequence, int64_t limit) {
  using Events = std::vector<RunEventRecord>;
  return storage_.Read([&](Database& database) -> absl::StatusOr<Events> {
    REPSCORE_ASSIGN_OR_RETURN(const int64_t number,
                              RunNumber(database, run_id));
    REPSCORE_ASSIGN_OR_RETURN(
        Statement query,
        database.Query("SELECT sequence, payload FROM run_events"
                       " WHERE run_number = ?1 AND sequence > ?2"
                       " ORDER BY sequence LIMIT ?3",
                       number,
                       after_sequence,
                       std::max<int64_t>(limit, 0)));
    Events events;
    while (true) {
      REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
      if (!has_row) {
        return events;
      }
      events.push_back({query.Int(0), query.Text(1)});
    }
  });
}

absl::StatusOr<std::string> RunStore::ReadCheckpoint(std::string_view run_id) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes,
                            storage_.ReadBlob([&] {
                              return storage_.Read([&](Database& database) {
                                return CheckpointDigest(database, run_id);
                              });
                            }));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

absl::Status RunStore::PutArrays(std::string_view run_id,
                                 absl::Span<const RunArrayRecord> arrays) {
  REPSCORE_RETURN_IF_ERROR(Get(run_id).status());
  std::vector<std::unique_ptr<BlobWriter>> blobs;
  std::vector<BlobWriter*> writers;
  for (const RunArrayRecord& array : arrays) {
    REPSCORE_ASSIGN_OR_RETURN(
        std::unique_ptr<BlobWriter> blob,
        WriteBlob("array", absl::MakeConstSpan(array.bytes)));
    writers.push_back(blob.get());
    blobs.push_back(std::move(blob));
  }
  return storage_.Write(
      "put_arrays",
      writers,
      [&](Database& database,
          std::vector<std::string>& dropped) -> absl::Status {
        REPSCORE_ASSIGN_OR_RETURN(const int64_t number,
                                  RunNumber(database, run_id));
        for (size_t i = 0; i < arrays.size(); ++i) {
          REPSCORE_RETURN_IF_ERROR(PutArray(
              database, number, arrays[i], blobs[i]->Digest(), dropped));
        }
        return absl::OkStatus();
      });
}

absl::StatusOr<RunArrayRecord> RunStore::ReadArray(
    std::string_view run_id, std::string_view array_name) {
  RunArrayRecord array;
  array.name = std::string(array_name);
  const auto find_digest = [&]() -> absl::StatusOr<std::string> {
    return storage_.Read([&](Database& database)
                             -> absl::StatusOr<std::string> {
      REPSCORE_ASSIGN_OR_RETURN(const int64_t number,
                                RunNumber(database, run_id));
      REPSCORE_ASSIGN_OR_RETURN(
          Statement query,
          database.Query("SELECT spec, blob_sha256 FROM run_arrays"
                         " WHERE run_number = ?1 AND array_name = ?2",
                         number,
                         array_name));
      REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
      if (!has_row) {
        return absl::NotFoundError(absl::StrCat(
            "run ", Shown(run_id), " has no stored array ", Shown(array_name)));
      }
      array.spec = query.Text(0);
      return query.Text(1);
    });
  };
  REPSCORE_ASSIGN_OR_RETURN(array.bytes, storage_.ReadBlob(find_digest));
  return array;
}

absl::StatusOr<std::vector<RunRecord>> RunStore::Unfinished() {
  return storage_.Read([](Database& database) {
    return ReadRuns(database.Query(
        SelectRuns("WHERE state IN (0, 1) ORDER BY run_number")));
  });
}

absl::StatusOr<std::vector<RunRecord>> RunStore::Succeeded(
    std::string_view dataset_digest, int64_t max_request_bytes) {
  return storage_.Read([&](Database& database) {
    return ReadRuns(database.Query(
        SelectRuns("WHERE dataset_digest = ?1 AND state = ?2"
                   " AND LENGTH(request) <= ?3 ORDER BY run_number"),
        dataset_digest,
        static_cast<int64_t>(RunState::kSucceeded),
        max_request_bytes));
  });
}

absl::StatusOr<RunRecord> RunStore::FindCalibration(
    std::string_view dataset_digest, std::string_view calibration_key) {
  return storage_.Read([&](Database& database) -> absl::StatusOr<RunRecord> {
    REPSCORE_ASSIGN_OR_RETURN(
        Statement query,
        database.Query(
            SelectRuns("WHERE dataset_digest = ?1 AND calibration_key = ?2"
                       " AND calibration_key != '' AND state IN (0, 1, 2)"),
            dataset_digest,
            calibration_key));
    REPSCORE_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row) {
      return absl::NotFoundError("there is no such calibration run");
    }
    return ReadRun(query);
  });
}

}  // namespace repscore::server
