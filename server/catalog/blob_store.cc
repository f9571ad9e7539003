#include "server/catalog/blob_store.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/catalog/fail_point.h"

namespace repscore::server {
namespace {

namespace fs = std::filesystem;

/// Kept free for the database.
constexpr int64_t kReservedBytes = int64_t{16} << 20;

std::string BlobRoot(const std::string& root) {
  return root + "/blobs";
}
std::string IncomingRoot(const std::string& root) {
  return root + "/incoming";
}

std::string BlobFolder(const std::string& root, const std::string& digest) {
  return absl::StrCat(BlobRoot(root), "/", digest.substr(0, 2));
}

std::string BlobPath(const std::string& root, const std::string& digest) {
  return absl::StrCat(BlobFolder(root, digest), "/", digest);
}

absl::Status CreateFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return ErrnoStatus(error.value(), absl::StrCat("cannot create ", path));
  }
  return absl::OkStatus();
}

absl::Status Empty(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code removal;
    fs::remove_all(entry->path(), removal);
    if (removal) {
      error = removal;
      break;
    }
  }
  if (error) {
    return ErrnoStatus(error.value(), absl::StrCat("cannot empty ", folder));
  }
  return absl::OkStatus();
}

}  // namespace

BlobWriter::BlobWriter(std::string root,
                       std::string purpose,
                       std::string path,
                       UniqueFd fd)
    : root_(std::move(root)),
      purpose_(std::move(purpose)),
      path_(std::move(path)),
      fd_(std::move(fd)) {}

BlobWriter::~BlobWriter() {
  if (!is_published_) {
    RemoveFile(path_).IgnoreError();
  }
}

absl::Status BlobWriter::Append(absl::Span<const std::byte> bytes) {
  REPSCORE_RETURN_IF_ERROR(WriteAll(fd_.get(), bytes, path_));
  hash_.Update(bytes);
  size_ += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

const std::string& BlobWriter::Digest() {
  if (digest_.empty()) {
    digest_ = hash_.HexDigest();
  }
  return digest_;
}

absl::Status BlobWriter::Sync() {
  REPSCORE_RETURN_IF_ERROR(ReachFailPoint(purpose_ + ".written"));
  REPSCORE_RETURN_IF_ERROR(SyncFile(fd_.get(), path_));
  return ReachFailPoint(purpose_ + ".synced");
}

absl::Status BlobWriter::Publish() {
  const std::string folder = BlobFolder(root_, Digest());
  std::error_code error;
  const bool is_new_folder = fs::create_directory(folder, error);
  if (error) {
    return ErrnoStatus(error.value(), absl::StrCat("cannot create ", folder));
  }
  if (is_new_folder) {
    REPSCORE_RETURN_IF_ERROR(SyncDirectory(BlobRoot(root_)));
  }
  REPSCORE_RETURN_IF_ERROR(ReachFailPoint(purpose_ + ".renaming"));
  REPSCORE_RETURN_IF_ERROR(RenameFile(path_, BlobPath(root_, Digest())));
  is_published_ = true;
  REPSCORE_RETURN_IF_ERROR(ReachFailPoint(purpose_ + ".renamed"));
  return SyncDirectory(folder);
}

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(
    const std::string& root) {
  REPSCORE_RETURN_IF_ERROR(CreateFolder(BlobRoot(root)));
  REPSCORE_RETURN_IF_ERROR(CreateFolder(IncomingRoot(root)));
  REPSCORE_RETURN_IF_ERROR(SyncDirectory(root));
  REPSCORE_RETURN_IF_ERROR(Empty(IncomingRoot(root)));
  return std::unique_ptr<BlobStore>(new BlobStore(root));
}

absl::StatusOr<std::unique_ptr<BlobWriter>> BlobStore::Create(
    std::string_view purpose) {
  const std::string path = absl::StrCat(IncomingRoot(root_),
                                        "/",
                                        std::string(purpose),
                                        "-",
                                        created_.fetch_add(1));
  REPSCORE_ASSIGN_OR_RETURN(UniqueFd fd,
                            OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0640));
  return std::make_unique<BlobWriter>(
      root_, std::string(purpose), path, std::move(fd));
}

absl::Status BlobStore::CheckRoom(int64_t bytes) const {
  struct statvfs info = {};
  if (statvfs(root_.c_str(), &info) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", root_));
  }
  const double room =
      static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) -
      static_cast<double>(kReservedBytes);
  if (static_cast<double>(bytes) <= room) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("the disk of the data directory has room for ",
                   static_cast<int64_t>(room > 0.0 ? room : 0.0),
                   " bytes, ",
                   bytes,
                   " are needed"));
}

absl::StatusOr<std::vector<std::byte>> BlobStore::Read(
    const std::string& digest) const {
  const std::string path = BlobPath(root_, digest);
  REPSCORE_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  REPSCORE_ASSIGN_OR_RETURN(const int64_t size,
                            RegularFileSize(fd.get(), path));
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  REPSCORE_ASSIGN_OR_RETURN(const size_t read,
                            ReadUpTo(fd.get(), absl::MakeSpan(bytes), path));
  bytes.resize(read);
  const std::string found = Sha256Hex(absl::MakeConstSpan(bytes));
  if (found != digest) {
    return absl::DataLossError(absl::StrCat("the file ",
                                            path,
                                            " is damaged: its SHA-256 is ",
                                            found,
                                            ", it should be ",
                                            digest));
  }
  return bytes;
}

absl::Status BlobStore::Remove(const std::string& digest) {
  return RemoveFile(BlobPath(root_, digest));
}

absl::StatusOr<std::vector<std::string>> BlobStore::List() const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(BlobRoot(root_), error), end;
       !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_directory(ignored)) {
      names.push_back(entry->path().filename().string());
    }
  }
  if (error) {
    return ErrnoStatus(error.value(),
                       absl::StrCat("cannot list ", BlobRoot(root_)));
  }
  return names;
}

}  // namespace repscore::server
