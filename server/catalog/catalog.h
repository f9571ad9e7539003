// What is hosted: datasets and runs, durable in one data directory.
//
// Layout: DIR/catalog.db (SQLite, WAL, synchronous=FULL), DIR/blobs/ab/abcd...
// (content-addressed by SHA-256), DIR/incoming/ (unfinished uploads, emptied
// at start), DIR/LOCK (one server per directory).
//
// Thread-safe. Calls touch the disk: never make them on a gRPC reaction
// thread. What a call has acknowledged survives kill -9 and power loss.
#ifndef REPSCORE_SERVER_CATALOG_CATALOG_H_
#define REPSCORE_SERVER_CATALOG_CATALOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/data/dataset.h"

namespace repscore::server {

/// A registered dataset without its elements.
struct DatasetRecord {
  std::string dataset_id;
  int64_t version = 0;
  /// Content digest (spec, axes, labels, groups, data).
  std::string digest;
  /// SHA-256 of the data bytes: the blob's address.
  std::string data_sha256;
  DatasetDescription description;
  int64_t create_time_micros = 0;

  /// datasets/{dataset}/versions/{version}
  std::string Name() const;
};

template <typename T>
struct Page {
  std::vector<T> items;
  /// Empty on the last page.
  std::string next_page_token;
};

struct PageRequest {
  /// 0: default (50). Coerced down to 1000. Negative: InvalidArgument.
  int32_t size = 0;
  /// InvalidArgument when not from the same listing.
  std::string token;
};

/// Bytes on their way into the store. Destroying it unfinished discards them.
/// Not thread-safe. Must not outlive its catalog.
class DatasetUpload {
 public:
  virtual ~DatasetUpload() = default;

  /// InvalidArgument when more bytes come than the spec holds.
  virtual absl::Status Append(absl::Span<const std::byte> bytes) = 0;

  /// Commit() lists the dataset with a plan (serialised, not empty) whose runs
  /// are to be started: see PendingCalibrations.
  virtual void KeepCalibration(std::string plan) = 0;

  struct Committed {
    DatasetRecord record;
    bool already_registered = false;
  };

  /// Fsyncs the bytes, then lists the dataset. InvalidArgument when bytes are
  /// missing, DataLoss when the checksum differs (both digests in the text),
  /// InvalidArgument at a NaN or infinity (its row and column, from 0, in the
  /// text). Called once.
  virtual absl::StatusOr<Committed> Commit() = 0;
};

enum class RunState { kQueued, kRunning, kSucceeded, kFailed, kCancelled };

/// A stored optimisation. `request` and event payloads are serialised
/// protocol messages that the catalog does not look into.
struct RunRecord {
  /// Opaque id; the resource name is runs/{run_id}.
  std::string run_id;
  /// RunKind of the wire.
  int32_t kind = 0;
  RunState state = RunState::kQueued;
  std::string dataset_version_name;
  /// Content digest of that version.
  std::string dataset_digest;
  /// Of a calibration: what makes two runs on the same content the same one.
  std::string calibration_key;
  std::string request;
  /// Serialised repscore.v1.Run as of the last change.
  std::string summary;
  int64_t create_time_micros = 0;
  int64_t update_time_micros = 0;
  int64_t last_sequence = 0;
};

struct RunEventRecord {
  int64_t sequence = 0;
  std::string payload;
};

/// A candidate or snapshot of a run.
struct RunArrayRecord {
  /// "members/0/candidate" or "members/0/snapshots/1"
  std::string name;
  /// Serialised TensorSpec, which the catalog does not look into; empty where
  /// an older server stored the array.
  std::string spec;
  /// Row-major float64.
  std::vector<std::byte> bytes;
};

/// A calibration whose runs have not all been started.
struct PendingCalibration {
  int64_t plan_number = 0;
  std::string dataset_version_name;
  /// Serialised CalibrationPlan.
  std::string plan;
};

struct CatalogOptions {
  /// Elements of recently loaded datasets kept in memory.
  int64_t cache_bytes = int64_t{1} << 30;
};

class Catalog {
 public:
  /// Opens or creates the data directory, removes unfinished uploads and
  /// unreferenced blobs, migrates the schema. FailedPrecondition when another
  /// server holds the directory, a newer one wrote it or the database is gone
  /// while blobs are there; DataLoss when the database is damaged (says how to
  /// restore).
  static absl::StatusOr<std::unique_ptr<Catalog>> Open(
      const std::string& directory, const CatalogOptions& options = {});

  virtual ~Catalog() = default;

  // Datasets.

  /// InvalidArgument as Normalize; it names `dataset_id` when that is not 1-63
  /// of [a-z0-9._-] starting with a letter or digit, and `sha256` when that is
  /// not 64 hex digits. ResourceExhausted when the disk cannot hold it.
  virtual absl::StatusOr<std::unique_ptr<DatasetUpload>> BeginUpload(
      const std::string& dataset_id,
      const DatasetDescription& description,
      const std::string& sha256) = 0;

  /// `name` is datasets/{dataset} (latest) or .../versions/{version}. NotFound
  /// names it; InvalidArgument when it has another form.
  virtual absl::StatusOr<DatasetRecord> GetDataset(std::string_view name) = 0;

  /// Latest versions by dataset id. A page ends early where its descriptions
  /// would not fit a message.
  virtual absl::StatusOr<Page<DatasetRecord>> ListDatasets(
      const PageRequest& page) = 0;

  /// Deletes a version, or all versions. Blobs go when nothing refers to them;
  /// version numbers are not given again.
  virtual absl::Status DeleteDataset(std::string_view name) = 0;

  /// Record and elements. Recently loaded datasets are kept in memory. DataLoss
  /// when the stored bytes have changed.
  virtual absl::StatusOr<std::shared_ptr<const Dataset>> LoadDataset(
      std::string_view name) = 0;

  // Runs.

  /// AlreadyExists when there is a run with this id, or one with its dataset
  /// digest and calibration key that has neither failed nor been cancelled;
  /// InvalidArgument unless the id is one as datasets have.
  virtual absl::Status CreateRun(const RunRecord& run) = 0;

  /// One transaction: new state, summary, times, last sequence and events, and
  /// (unless empty) the checkpoint that continues after the last of them. An
  /// event with a number that is there replaces it. A finished run without a
  /// checkpoint here loses the one it had. NotFound when there is no such run.
  virtual absl::Status RecordRun(const RunRecord& run,
                                 absl::Span<const RunEventRecord> events,
                                 std::string_view checkpoint) = 0;

  /// NotFound, as every function below, when there is no such run.
  virtual absl::StatusOr<RunRecord> GetRun(std::string_view run_id) = 0;

  /// Newest first.
  virtual absl::StatusOr<Page<RunRecord>> ListRuns(const PageRequest& page) = 0;

  /// At most `limit` events with a larger sequence number, in order.
  virtual absl::StatusOr<std::vector<RunEventRecord>> ReadRunEvents(
      std::string_view run_id, int64_t after_sequence, int64_t limit) = 0;

  /// Empty when the run has none. DataLoss when its bytes have changed.
  virtual absl::StatusOr<std::string> ReadCheckpoint(
      std::string_view run_id) = 0;

  /// Stores arrays of a run, all or none; one with a name that is there
  /// replaces it.
  virtual absl::Status PutRunArrays(
      std::string_view run_id, absl::Span<const RunArrayRecord> arrays) = 0;
  /// NotFound when the run has none of this name. DataLoss when its bytes have
  /// changed.
  virtual absl::StatusOr<RunArrayRecord> ReadRunArray(
      std::string_view run_id, std::string_view array_name) = 0;

  /// Runs in state kQueued or kRunning, oldest first: what a restart resumes.
  virtual absl::StatusOr<std::vector<RunRecord>> UnfinishedRuns() = 0;

  /// Runs in state kSucceeded on datasets of this content, oldest first,
  /// without those whose requests are longer than `max_request_bytes`.
  virtual absl::StatusOr<std::vector<RunRecord>> SucceededRuns(
      std::string_view dataset_digest, int64_t max_request_bytes) = 0;

  /// The run with this key on datasets of this content that has neither failed
  /// nor been cancelled. NotFound.
  virtual absl::StatusOr<RunRecord> FindCalibrationRun(
      std::string_view dataset_digest, std::string_view calibration_key) = 0;

  // Calibrations and analyses.

  /// Plans of registered datasets, oldest first, until they are dropped.
  virtual absl::StatusOr<std::vector<PendingCalibration>>
  PendingCalibrations() = 0;
  virtual absl::Status DropPendingCalibration(int64_t plan_number) = 0;

  /// The result kept for a request (any bytes that identify it) of a kind on
  /// datasets of this content. NotFound when there is none.
  virtual absl::StatusOr<std::string> GetAnalysis(
      std::string_view dataset_digest,
      std::string_view kind,
      std::string_view request) = 0;

  /// Keeps a result as long as a dataset of this content is registered;
  /// replaces one that is there.
  virtual absl::Status PutAnalysis(std::string_view dataset_digest,
                                   std::string_view kind,
                                   std::string_view request,
                                   std::string_view result) = 0;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_CATALOG_H_
