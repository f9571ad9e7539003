// POSIX files with Status: owned descriptors, whole reads and writes, fsync.
// Functions are safe to call from any thread; a UniqueFd has one owner.
#ifndef REPSCORE_CORE_BASE_FILE_H_
#define REPSCORE_CORE_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace repscore {

/// The bytes of a text; it must outlive them.
inline absl::Span<const std::byte> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Owns a file descriptor and closes it.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Reset();

 private:
  int fd_ = -1;
};

/// "action: reason" of an errno value. ENOENT is NotFound, EACCES and EPERM are
/// PermissionDenied, EEXIST is AlreadyExists, a full disk, quota or descriptor
/// table is ResourceExhausted, everything else is Internal.
absl::Status ErrnoStatus(int error, std::string_view action);

/// The same code with "prefix: " before the message.
absl::Status WithPrefix(const absl::Status& status, std::string_view prefix);

/// open(2) with O_CLOEXEC.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path,
                                  int flags,
                                  int mode = 0);

/// Size of a regular file. InvalidArgument for directories, pipes, devices.
absl::StatusOr<int64_t> RegularFileSize(int fd, const std::string& path);

/// Reads until `out` is full or the file ends; returns the bytes read.
absl::StatusOr<size_t> ReadUpTo(int fd,
                                absl::Span<std::byte> out,
                                const std::string& path);

absl::Status WriteAll(int fd,
                      absl::Span<const std::byte> bytes,
                      const std::string& path);

/// Returns once the bytes of the file are on the disk.
absl::Status SyncFile(int fd, const std::string& path);

/// Returns once the entries of the directory are on the disk.
absl::Status SyncDirectory(const std::string& path);

absl::Status RenameFile(const std::string& from, const std::string& to);

/// Ok when there is no such file.
absl::Status RemoveFile(const std::string& path);

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_FILE_H_
