#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace repscore {
namespace {

/// Linux moves at most 2 GiB - 4 KiB per call.
constexpr size_t kMaxTransfer = size_t{1} << 30;

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

void UniqueFd::Reset() {
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
  }
}

absl::Status ErrnoStatus(int error, std::string_view action) {
  return absl::Status(
      CodeOf(error),
      absl::StrCat(
          std::string(action), ": ", std::generic_category().message(error)));
}

absl::Status WithPrefix(const absl::Status& status, std::string_view prefix) {
  return absl::Status(
      status.code(), absl::StrCat(std::string(prefix), ": ", status.message()));
}

absl::StatusOr<UniqueFd> OpenFile(const std::string& path,
                                  int flags,
                                  int mode) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  }
  return UniqueFd(fd);
}

absl::StatusOr<int64_t> RegularFileSize(int fd, const std::string& path) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not a regular file"));
  }
  return static_cast<int64_t>(info.st_size);
}

absl::StatusOr<size_t> ReadUpTo(int fd,
                                absl::Span<std::byte> out,
                                const std::string& path) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count =
        read(fd, out.data() + done, std::min(out.size() - done, kMaxTransfer));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    }
    if (count == 0) {
      break;
    }
    done += static_cast<size_t>(count);
  }
  return done;
}

absl::Status WriteAll(int fd,
                      absl::Span<const std::byte> bytes,
                      const std::string& path) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = write(
        fd, bytes.data() + done, std::min(bytes.size() - done, kMaxTransfer));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return ErrnoStatus(errno, absl::StrCat("cannot write ", path));
    }
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status SyncFile(int fd, const std::string& path) {
  if (fsync(fd) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot sync ", path));
  }
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const UniqueFd fd,
                            OpenFile(path, O_RDONLY | O_DIRECTORY));
  return SyncFile(fd.get(), path);
}

absl::Status RenameFile(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot rename ", from, " to ", to));
  }
  return absl::OkStatus();
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("cannot remove ", path));
  }
  return absl::OkStatus();
}

}  // namespace repscore
