#include "server/catalog/storage.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/catalog/fail_point.h"
#include "server/catalog/schema.h"

namespace repscore::server {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 15000;

constexpr char kIsReferenced[] =
    "SELECT EXISTS (SELECT 1 FROM dataset_versions WHERE data_sha256 = ?1)"
    " OR EXISTS (SELECT 1 FROM runs WHERE checkpoint_sha256 = ?1"
    "            AND checkpoint_sha256 != '')"
    " OR EXISTS (SELECT 1 FROM run_arrays WHERE blob_sha256 = ?1)";

absl::Status CreateDirectory(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return ErrnoStatus(error.value(),
                       absl::StrCat("cannot create ", directory));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> LockDirectory(const std::string& directory) {
  REPSCORE_ASSIGN_OR_RETURN(
      UniqueFd lock, OpenFile(directory + "/LOCK", O_RDWR | O_CREAT, 0640));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    return lock;
  }
  if (errno == EWOULDBLOCK) {
    return absl::FailedPreconditionError(
        absl::StrCat("another server holds the data directory ", directory));
  }
  return ErrnoStatus(errno, absl::StrCat("cannot lock ", directory));
}

absl::Status WithAdvice(const absl::Status& status, const std::string& path) {
  if (status.code() != absl::StatusCode::kDataLoss) {
    return WithPrefix(status, path);
  }
  return absl::DataLossError(
      absl::StrCat(path,
                   " is damaged (",
                   status.message(),
                   "). Stop the server, restore catalog.db from a backup and "
                   "remove catalog.db-wal and catalog.db-shm; the blobs beside "
                   "it need not be restored"));
}

absl::StatusOr<sqlite::Database> OpenDatabase(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(sqlite::Database database,
                            sqlite::Database::Open(path, kBusyTimeoutMs));
  REPSCORE_RETURN_IF_ERROR(PrepareDatabase(database));
  return database;
}

absl::Status RefuseToForgetBlobs(const std::string& path,
                                 const BlobStore& blobs) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (!error && size > 0) {
    return absl::OkStatus();
  }
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<std::string> names, blobs.List());
  if (names.empty()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(path,
                   " is missing or empty, but there are ",
                   names.size(),
                   " blobs: restore it from a backup, or remove the blobs "
                   "directory to begin anew"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Storage>> Storage::Open(
    const std::string& directory) {
  const std::string path = directory + "/catalog.db";
  REPSCORE_RETURN_IF_ERROR(CreateDirectory(directory));
  REPSCORE_ASSIGN_OR_RETURN(UniqueFd lock, LockDirectory(directory));
  REPSCORE_ASSIGN_OR_RETURN(std::unique_ptr<BlobStore> blobs,
                            BlobStore::Open(directory));
  REPSCORE_RETURN_IF_ERROR(RefuseToForgetBlobs(path, *blobs));
  absl::StatusOr<sqlite::Database> writer = OpenDatabase(path);
  if (!writer.ok()) {
    return WithAdvice(writer.status(), path);
  }
  REPSCORE_RETURN_IF_ERROR(SyncDirectory(directory));
  REPSCORE_ASSIGN_OR_RETURN(sqlite::Database reader,
                            sqlite::Database::Open(path, kBusyTimeoutMs));
  REPSCORE_RETURN_IF_ERROR(reader.Execute("PRAGMA query_only = ON"));
  std::unique_ptr<Storage> storage(new Storage(std::move(lock),
                                               std::move(blobs),
                                               *std::move(writer),
                                               std::move(reader)));
  REPSCORE_RETURN_IF_ERROR(storage->CollectGarbage());
  return storage;
}

absl::Status Storage::Write(std::string_view operation,
                            const std::vector<BlobWriter*>& blobs,
                            const Change& change) {
  const std::lock_guard<std::mutex> lock(write_mutex_);
  std::vector<std::string> dropped;
  absl::Status status;
  for (BlobWriter* blob : blobs) {
    if (status.ok()) {
      status = blob->Publish();
    }
  }
  if (status.ok()) {
    status = Transact(operation, change, dropped);
  }
  if (!status.ok()) {
    for (BlobWriter* blob : blobs) {
      dropped.push_back(blob->Digest());
    }
  }
  // What is left over goes when the directory is opened next.
  RemoveUnreferenced(dropped).IgnoreError();
  return status;
}

absl::Status Storage::Transact(std::string_view operation,
                               const Change& change,
                               std::vector<std::string>& dropped) {
  const std::string name(operation);
  REPSCORE_ASSIGN_OR_RETURN(sqlite::Transaction transaction,
                            sqlite::Transaction::Begin(writer_));
  REPSCORE_RETURN_IF_ERROR(change(writer_, dropped));
  REPSCORE_RETURN_IF_ERROR(ReachFailPoint(name + ".committing"));
  REPSCORE_RETURN_IF_ERROR(transaction.Commit());
  return ReachFailPoint(name + ".committed");
}

absl::StatusOr<std::vector<std::byte>> Storage::ReadBlob(
    const std::function<absl::StatusOr<std::string>()>& find_digest) {
  REPSCORE_ASSIGN_OR_RETURN(std::string digest, find_digest());
  while (!digest.empty()) {
    absl::StatusOr<std::vector<std::byte>> bytes = blobs_->Read(digest);
    if (bytes.status().code() != absl::StatusCode::kNotFound) {
      return bytes;
    }
    REPSCORE_ASSIGN_OR_RETURN(std::string current, find_digest());
    if (current == digest) {
      return absl::DataLossError(absl::StrCat(
          "the blob ", digest, " is missing from the data directory"));
    }
    digest = std::move(current);
  }
  return std::vector<std::byte>();
}

absl::Status Storage::RemoveUnreferenced(
    const std::vector<std::string>& digests) {
  for (const std::string& digest : digests) {
    REPSCORE_ASSIGN_OR_RETURN(sqlite::Statement query,
                              writer_.Query(kIsReferenced, digest));
    REPSCORE_RETURN_IF_ERROR(query.Step().status());
    if (query.Int(0) == 0) {
      REPSCORE_RETURN_IF_ERROR(blobs_->Remove(digest));
    }
  }
  return absl::OkStatus();
}

absl::Status Storage::CollectGarbage() {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            blobs_->List());
  return RemoveUnreferenced(names);
}

}  // namespace repscore::server
