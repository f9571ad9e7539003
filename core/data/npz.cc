#include <zip.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/data/npy.h"
#include "core/data/npy_header.h"

namespace repscore {
namespace {

constexpr std::string_view kMemberSuffix = ".npy";
constexpr int64_t kUnsuspectedBytes = int64_t{256} << 20;

struct DiscardArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, DiscardArchive>;
using Member = std::unique_ptr<zip_file_t, CloseMember>;

std::string Describe(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

absl::StatusOr<Archive> OpenPath(const std::string& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive != nullptr) {
    return archive;
  }
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string message =
      absl::StrCat("cannot read .npz file: ", Describe(&error));
  if (code == ZIP_ER_NOENT) {
    return absl::NotFoundError(message);
  }
  return absl::InvalidArgumentError(message);
}

absl::StatusOr<Archive> OpenBytes(absl::Span<const std::byte> bytes) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source =
      zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  Archive archive(source == nullptr
                      ? nullptr
                      : zip_open_from_source(source, ZIP_RDONLY, &error));
  if (archive == nullptr) {
    zip_source_free(source);
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read .npz file: ", Describe(&error)));
  }
  return archive;
}

struct Entry {
  std::string key;
  zip_uint64_t index = 0;
};

absl::StatusOr<std::vector<Entry>> Entries(zip_t* archive) {
  std::vector<Entry> entries;
  std::set<std::string> seen;
  const zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* const name = zip_get_name(archive, index, 0);
    if (name == nullptr || !absl::EndsWith(name, ".npy")) {
      continue;
    }
    std::string key(name);
    key.resize(key.size() - kMemberSuffix.size());
    if (!seen.insert(key).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("array '", key, "' is in the archive twice"));
    }
    entries.push_back({std::move(key), index});
  }
  return entries;
}

absl::StatusOr<zip_uint64_t> FindEntry(zip_t* archive, std::string_view key) {
  REPSCORE_ASSIGN_OR_RETURN(const std::vector<Entry> entries, Entries(archive));
  for (const Entry& entry : entries) {
    if (entry.key == key || (key.empty() && entries.size() == 1)) {
      return entry.index;
    }
  }
  constexpr size_t kShown = 100;
  const std::string keys = absl::StrJoin(
      entries.begin(),
      entries.begin() +
          static_cast<ptrdiff_t>(std::min(entries.size(), kShown)),
      ", ",
      [](std::string* out, const Entry& entry) { out->append(entry.key); });
  if (key.empty()) {
    return absl::NotFoundError(
        absl::StrCat("name one array as file.npz:key; the archive holds ",
                     entries.size(),
                     ": ",
                     keys));
  }
  return absl::NotFoundError(absl::StrCat(
      "no array '", std::string(key), "' in the archive; it holds: ", keys));
}

struct MemberSize {
  int64_t uncompressed = 0;
  int64_t compressed = 0;
};

absl::StatusOr<MemberSize> CheckedSize(zip_t* archive, zip_uint64_t index) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE |
                                   ZIP_STAT_COMP_METHOD |
                                   ZIP_STAT_ENCRYPTION_METHOD;
  constexpr auto kMax = zip_uint64_t{1} << 62U;
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(archive, index, 0, &stat) != 0 ||
      (stat.valid & kNeeded) != kNeeded || stat.size > kMax ||
      stat.comp_size > kMax) {
    return absl::InvalidArgumentError("archive member without a proper size");
  }
  if (stat.encryption_method != ZIP_EM_NONE) {
    return absl::InvalidArgumentError("encrypted archives are not read");
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    return absl::InvalidArgumentError(
        absl::StrCat("compression method ",
                     stat.comp_method,
                     " is not read; NumPy stores or deflates"));
  }
  return MemberSize{static_cast<int64_t>(stat.size),
                    static_cast<int64_t>(stat.comp_size)};
}

absl::Status CheckExpansion(const MemberSize& size, int64_t archive_bytes) {
  const int64_t compressed = std::min(size.compressed, archive_bytes);
  if (size.uncompressed <= kUnsuspectedBytes ||
      size.uncompressed / kMaxNpzRatio <= compressed) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("refused as a zip bomb: ",
                   compressed,
                   " bytes that claim to expand to ",
                   size.uncompressed,
                   ", more than ",
                   kMaxNpzRatio,
                   "-fold"));
}

/// Fills `out`; InvalidArgument when the member ends before.
absl::Status ReadExactly(zip_file_t* member, absl::Span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    const zip_int64_t count =
        zip_fread(member, out.data() + done, out.size() - done);
    if (count <= 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "damaged or truncated archive: ",
          count < 0 ? zip_error_strerror(zip_file_get_error(member))
                    : "a member ends early"));
    }
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

/// Reading past the last byte makes libzip compare length and checksum.
absl::Status CheckEnd(zip_file_t* member) {
  std::byte extra = {};
  const zip_int64_t count = zip_fread(member, &extra, 1);
  if (count == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("damaged archive: ",
                   count < 0 ? zip_error_strerror(zip_file_get_error(member))
                             : "a member is longer than it claims"));
}

absl::StatusOr<HostArray> ReadMember(zip_t* archive,
                                     std::string_view key,
                                     int64_t archive_bytes) {
  REPSCORE_ASSIGN_OR_RETURN(const zip_uint64_t index, FindEntry(archive, key));
  REPSCORE_ASSIGN_OR_RETURN(const MemberSize size, CheckedSize(archive, index));
  REPSCORE_RETURN_IF_ERROR(CheckExpansion(size, archive_bytes));
  const Member member(zip_fopen_index(archive, index, 0));
  if (member == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "damaged archive: ", zip_error_strerror(zip_get_error(archive))));
  }
  std::vector<std::byte> prefix(static_cast<size_t>(
      std::min(size.uncompressed, static_cast<int64_t>(kMaxNpyHeaderBytes))));
  REPSCORE_RETURN_IF_ERROR(ReadExactly(member.get(), absl::MakeSpan(prefix)));
  REPSCORE_ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(prefix));
  REPSCORE_RETURN_IF_ERROR(CheckNpyLength(header, size.uncompressed));

  std::vector<std::byte> elements(static_cast<size_t>(header.data_bytes));
  const auto begin = prefix.begin() + header.data_offset;
  std::copy(begin, prefix.end(), elements.begin());
  REPSCORE_RETURN_IF_ERROR(
      ReadExactly(member.get(),
                  absl::MakeSpan(elements).subspan(
                      static_cast<size_t>(prefix.end() - begin))));
  REPSCORE_RETURN_IF_ERROR(CheckEnd(member.get()));
  return ToHostArray(header, std::move(elements));
}

absl::StatusOr<HostArray> ReadNpzUnprefixed(const std::string& path,
                                            std::string_view key) {
  REPSCORE_ASSIGN_OR_RETURN(const Archive archive, OpenPath(path));
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) {
    return ErrnoStatus(error.value(), "cannot stat");
  }
  return ReadMember(archive.get(), key, static_cast<int64_t>(bytes));
}

}  // namespace

absl::StatusOr<HostArray> ParseNpz(absl::Span<const std::byte> bytes,
                                   std::string_view key) {
  REPSCORE_ASSIGN_OR_RETURN(const Archive archive, OpenBytes(bytes));
  return ReadMember(archive.get(), key, static_cast<int64_t>(bytes.size()));
}

absl::StatusOr<HostArray> ReadNpz(const std::string& path,
                                  std::string_view key) {
  absl::StatusOr<HostArray> array = ReadNpzUnprefixed(path, key);
  if (!array.ok()) {
    return WithPrefix(array.status(), path);
  }
  return array;
}

absl::StatusOr<std::vector<std::string>> ListNpzKeys(const std::string& path) {
  const absl::StatusOr<Archive> archive = OpenPath(path);
  if (!archive.ok()) {
    return WithPrefix(archive.status(), path);
  }
  absl::StatusOr<std::vector<Entry>> entries = Entries(archive->get());
  if (!entries.ok()) {
    return WithPrefix(entries.status(), path);
  }
  std::vector<std::string> keys;
  for (Entry& entry : *entries) {
    keys.push_back(std::move(entry.key));
  }
  return keys;
}

}  // namespace repscore
