#include "core/data/npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/data/npy_header.h"

namespace repscore {
namespace {

constexpr std::string_view kArchiveSuffix = ".npz";

absl::StatusOr<HostArray> ReadNpy(int fd, const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t file_bytes,
                            RegularFileSize(fd, path));
  std::vector<std::byte> prefix(kMaxNpyHeaderBytes);
  REPSCORE_ASSIGN_OR_RETURN(const size_t prefix_bytes,
                            ReadUpTo(fd, absl::MakeSpan(prefix), path));
  prefix.resize(prefix_bytes);
  REPSCORE_ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(prefix));
  REPSCORE_RETURN_IF_ERROR(CheckNpyLength(header, file_bytes));
  if (lseek(fd, header.data_offset, SEEK_SET) != header.data_offset) {
    return absl::InternalError("cannot seek");
  }
  std::vector<std::byte> elements(static_cast<size_t>(header.data_bytes));
  REPSCORE_ASSIGN_OR_RETURN(const size_t element_bytes,
                            ReadUpTo(fd, absl::MakeSpan(elements), path));
  if (element_bytes != elements.size()) {
    return absl::InvalidArgumentError("truncated while it was read");
  }
  return ToHostArray(header, std::move(elements));
}

absl::Status WriteFile(const std::string& path,
                       const std::string& header,
                       absl::Span<const std::byte> elements) {
  REPSCORE_ASSIGN_OR_RETURN(const UniqueFd fd,
                            OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0666));
  REPSCORE_RETURN_IF_ERROR(WriteAll(fd.get(), AsBytes(header), path));
  REPSCORE_RETURN_IF_ERROR(WriteAll(fd.get(), elements, path));
  return SyncFile(fd.get(), path);
}

}  // namespace

absl::StatusOr<HostArray> ParseNpy(absl::Span<const std::byte> bytes) {
  REPSCORE_ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(bytes));
  REPSCORE_RETURN_IF_ERROR(
      CheckNpyLength(header, static_cast<int64_t>(bytes.size())));
  const absl::Span<const std::byte> elements =
      bytes.subspan(static_cast<size_t>(header.data_offset));
  return ToHostArray(header, {elements.begin(), elements.end()});
}

absl::StatusOr<HostArray> ReadArrayFile(const std::string& path) {
  const size_t colon =
      path.find(absl::StrCat(std::string(kArchiveSuffix), ":"));
  if (colon != std::string::npos) {
    const size_t archive_end = colon + kArchiveSuffix.size();
    return ReadNpz(path.substr(0, archive_end), path.substr(archive_end + 1));
  }
  if (absl::EndsWith(path, ".npz")) {
    return ReadNpz(path, "");
  }
  REPSCORE_ASSIGN_OR_RETURN(const UniqueFd fd,
                            OpenFile(path, O_RDONLY | O_NONBLOCK));
  absl::StatusOr<HostArray> array = ReadNpy(fd.get(), path);
  if (!array.ok()) {
    return WithPrefix(array.status(), path);
  }
  return array;
}

absl::Status WriteNpy(const std::string& path, const HostArray& array) {
  REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                            CheckedByteSize(array.spec, "array"));
  if (static_cast<int64_t>(array.data.size()) != bytes) {
    return absl::InvalidArgumentError(absl::StrCat("array.data: ",
                                                   ToString(array.spec),
                                                   " takes ",
                                                   bytes,
                                                   " bytes, got ",
                                                   array.data.size()));
  }
  REPSCORE_ASSIGN_OR_RETURN(const std::string header,
                            FormatNpyHeader(array.spec));
  static std::atomic<int> files = 0;
  const std::string temporary =
      absl::StrCat(path, ".", getpid(), ".", files.fetch_add(1), ".tmp");
  absl::Status status = WriteFile(temporary, header, array.data);
  if (status.ok()) {
    status = RenameFile(temporary, path);
  }
  if (!status.ok() && status.code() != absl::StatusCode::kAlreadyExists) {
    RemoveFile(temporary).IgnoreError();
  }
  return status;
}

}  // namespace repscore
