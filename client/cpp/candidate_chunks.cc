#include "client/cpp/candidate_chunks.h"

#include "absl/strings/str_cat.h"
#include "client/cpp/array.h"
#include "core/base/digest.h"

namespace repscore::client {

absl::Status AppendChunk(const std::string& subject,
                         const v1::CandidateChunk& chunk,
                         HostArray& array) {
  if (chunk.offset() != static_cast<int64_t>(array.data.size())) {
    return absl::InternalError(absl::StrCat("bytes of ",
                                            subject,
                                            ": offset ",
                                            array.data.size(),
                                            " expected, ",
                                            chunk.offset(),
                                            " received"));
  }
  if (array.data.empty()) {
    array.spec = ToArraySpec(chunk.spec());
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(chunk.data().data());
  array.data.insert(array.data.end(), bytes, bytes + chunk.data().size());
  return absl::OkStatus();
}

absl::Status CheckArrived(const std::string& subject,
                          std::string_view digest,
                          const HostArray& array) {
  const auto expected = CheckedByteSize(array.spec, "spec");
  if (!expected.ok() || static_cast<size_t>(*expected) != array.data.size()) {
    return absl::DataLossError(absl::StrCat(subject,
                                            " arrived with ",
                                            array.data.size(),
                                            " bytes for ",
                                            ToString(array.spec)));
  }
  if (digest.empty()) {
    return absl::OkStatus();
  }
  const std::string arrived = Sha256Hex(array.data);
  if (arrived != digest) {
    return absl::DataLossError(absl::StrCat(subject,
                                            " arrived with SHA-256 ",
                                            arrived,
                                            " instead of ",
                                            std::string(digest)));
  }
  return absl::OkStatus();
}

}  // namespace repscore::client
