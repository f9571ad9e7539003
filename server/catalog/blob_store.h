// Content-addressed files: DIR/blobs/ab/abcd... by SHA-256, written to
// DIR/incoming first.
//
// Thread-safe, but for one rule: Publish and Remove of the same digest must
// not run at the same time as the decision whether a blob is still wanted.
#ifndef REPSCORE_SERVER_CATALOG_BLOB_STORE_H_
#define REPSCORE_SERVER_CATALOG_BLOB_STORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/base/digest.h"
#include "core/base/file.h"

namespace repscore::server {

/// A blob on its way in. Not thread-safe. Destroyed before Publish, its bytes
/// are discarded. Must not outlive its store.
class BlobWriter {
 public:
  /// Use BlobStore::Create.
  BlobWriter(std::string root,
             std::string purpose,
             std::string path,
             UniqueFd fd);
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  /// ResourceExhausted when the disk is full.
  absl::Status Append(absl::Span<const std::byte> bytes);

  int64_t size() const { return size_; }

  /// SHA-256 of what was appended; nothing may be appended afterwards.
  const std::string& Digest();

  /// Puts the bytes on the disk.
  absl::Status Sync();

  /// After Sync: makes the blob readable under its digest; durable on return.
  absl::Status Publish();

 private:
  const std::string root_;
  /// First part of the names of its fail points.
  const std::string purpose_;
  const std::string path_;
  UniqueFd fd_;
  Sha256 hash_;
  std::string digest_;
  int64_t size_ = 0;
  bool is_published_ = false;
};

class BlobStore {
 public:
  /// Creates the directories and empties DIR/incoming.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(
      const std::string& root);

  /// `purpose` is the first part of the names of the fail points passed.
  absl::StatusOr<std::unique_ptr<BlobWriter>> Create(std::string_view purpose);

  /// Ok, or ResourceExhausted with both figures when the disk has no room for
  /// `bytes` more.
  absl::Status CheckRoom(int64_t bytes) const;

  /// Appends the blob's bytes. NotFound when there is none, DataLoss with both
  /// digests when its bytes have changed.
  absl::StatusOr<std::vector<std::byte>> Read(const std::string& digest) const;

  /// Ok when there is none.
  absl::Status Remove(const std::string& digest);

  /// Digests of all blobs, and names of files that should not be there.
  absl::StatusOr<std::vector<std::string>> List() const;

 private:
  explicit BlobStore(std::string root) : root_(std::move(root)) {}

  const std::string root_;
  std::atomic<int64_t> created_ = 0;
};

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_BLOB_STORE_H_
