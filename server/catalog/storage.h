// One data directory: its lock, its database and its blobs, and the order of
// steps in which a change becomes durable.
//
// Thread-safe. Changes run one at a time; reads run beside them.
#ifndef REPSCORE_SERVER_CATALOG_STORAGE_H_
#define REPSCORE_SERVER_CATALOG_STORAGE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/file.h"
#include "server/catalog/blob_store.h"
#include "server/catalog/sqlite.h"

namespace repscore::server {

class Storage {
 public:
  /// As Catalog::Open.
  static absl::StatusOr<std::unique_ptr<Storage>> Open(
      const std::string& directory);

  BlobStore& blobs() { return *blobs_; }

  /// What a change does to the database; appends to the list the digests of
  /// blobs that it no longer refers to.
  using Change = std::function<absl::Status(sqlite::Database&,
                                            std::vector<std::string>& dropped)>;

  /// Publishes `blobs` (already synced), then runs `change` in one transaction,
  /// then removes blobs that nothing refers to any more. On return of Ok all of
  /// it is on the disk; of an error, none of it is seen, unless the disk failed
  /// at the very last step.
  absl::Status Write(std::string_view operation,
                     const std::vector<BlobWriter*>& blobs,
                     const Change& change);

  /// Runs queries on what was written last.
  template <typename Query>
  auto Read(const Query& query) {
    const std::lock_guard<std::mutex> lock(read_mutex_);
    return query(reader_);
  }

  /// Reads the blob that `find_digest` names, again when a change replaced it
  /// meanwhile. Empty when it names none.
  absl::StatusOr<std::vector<std::byte>> ReadBlob(
      const std::function<absl::StatusOr<std::string>()>& find_digest);

 private:
  Storage(UniqueFd lock,
          std::unique_ptr<BlobStore> blobs,
          sqlite::Database writer,
          sqlite::Database reader)
      : lock_(std::move(lock)),
        blobs_(std::move(blobs)),
        writer_(std::move(writer)),
        reader_(std::move(reader)) {}

  absl::Status Transact(std::string_view operation,
                        const Change& change,
                        std::vector<std::string>& dropped);
  absl::Status RemoveUnreferenced(const std::vector<std::string>& digests);
  absl::Status CollectGarbage();

  UniqueFd lock_;
  std::unique_ptr<BlobStore> blobs_;
  std::mutex write_mutex_;
  sqlite::Database writer_;
  std::mutex read_mutex_;
  sqlite::Database reader_;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_STORAGE_H_
