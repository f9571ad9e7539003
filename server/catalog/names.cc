#include "server/catalog/names.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/digest.h"
#include "core/base/status_macros.h"

namespace repscore::server {
namespace {

constexpr size_t kMaxIdLength = 63;
constexpr size_t kMaxVersionDigits = 18;
constexpr std::string_view kDatasets = "datasets/";
constexpr std::string_view kVersions = "/versions/";

bool IsLowerOrDigit(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c));
}

/// Keeps tokens of one listing from passing for another's, or for made-up ones
/// by accident; it is no secret.
std::string TokenCheck(std::string_view payload) {
  constexpr size_t kCheckLength = 8;
  return Sha256Hex(absl::StrCat("page:", std::string(payload)))
      .substr(0, kCheckLength);
}

absl::StatusOr<int64_t> ParseVersion(std::string_view digits) {
  int64_t version = 0;
  const bool is_number =
      !digits.empty() && digits.size() <= kMaxVersionDigits &&
      digits.front() != '0' &&
      std::all_of(digits.begin(),
                  digits.end(),
                  [](char c) {
                    return absl::ascii_isdigit(static_cast<unsigned char>(c));
                  }) &&
      absl::SimpleAtoi(std::string(digits), &version);
  if (!is_number) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: ", Shown(digits), " is not a version number"));
  }
  return version;
}

}  // namespace

absl::Status CheckId(std::string_view id, std::string_view field) {
  const bool is_good =
      !id.empty() && id.size() <= kMaxIdLength && IsLowerOrDigit(id.front()) &&
      std::all_of(id.begin(), id.end(), [](char c) {
        return IsLowerOrDigit(c) || c == '.' || c == '_' || c == '-';
      });
  if (is_good) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(field),
                   ": must be 1 to 63 of a-z, 0-9, '-', '_' and '.', starting "
                   "with a letter or digit, got ",
                   Shown(id)));
}

absl::StatusOr<DatasetName> ParseDatasetName(std::string_view name) {
  if (name.substr(0, kDatasets.size()) != kDatasets) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: must be datasets/{dataset} or "
                     "datasets/{dataset}/versions/{version}, got ",
                     Shown(name)));
  }
  std::string_view id = name.substr(kDatasets.size());
  DatasetName parsed;
  const size_t slash = id.find(kVersions);
  if (slash != std::string_view::npos) {
    REPSCORE_ASSIGN_OR_RETURN(
        parsed.version, ParseVersion(id.substr(slash + kVersions.size())));
    id = id.substr(0, slash);
  }
  REPSCORE_RETURN_IF_ERROR(CheckId(id, "name"));
  parsed.dataset_id = std::string(id);
  return parsed;
}

std::string FormatDatasetName(std::string_view dataset_id, int64_t version) {
  return absl::StrCat(std::string(kDatasets),
                      std::string(dataset_id),
                      std::string(kVersions),
                      version);
}

absl::StatusOr<std::string> ParseSha256(std::string_view digest) {
  constexpr size_t kDigits = 64;
  const bool is_good =
      digest.size() == kDigits &&
      std::all_of(digest.begin(), digest.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
  if (!is_good) {
    return absl::InvalidArgumentError(
        absl::StrCat("sha256: must be 64 hex digits, got ", Shown(digest)));
  }
  return absl::AsciiStrToLower(std::string(digest));
}

std::string Shown(std::string_view text) {
  constexpr size_t kMaxShown = 80;
  return absl::StrCat("\"",
                      absl::CHexEscape(std::string(text.substr(0, kMaxShown))),
                      text.size() > kMaxShown ? "...\"" : "\"");
}

std::string FormatPageToken(Listing listing, std::string_view key) {
  const std::string payload = absl::StrCat(
      std::string(1, static_cast<char>(listing)), std::string(key));
  return absl::WebSafeBase64Escape(TokenCheck(payload) + payload);
}

absl::StatusOr<std::string> ParsePageToken(Listing listing,
                                           std::string_view token) {
  constexpr size_t kMaxToken = 200;
  if (token.empty()) {
    return std::string();
  }
  std::string text;
  if (token.size() <= kMaxToken &&
      absl::WebSafeBase64Unescape(std::string(token), &text)) {
    const size_t check_length = TokenCheck("").size();
    const std::string payload =
        text.size() > check_length ? text.substr(check_length) : "";
    if (payload.size() > 1 && payload[0] == static_cast<char>(listing) &&
        text.substr(0, check_length) == TokenCheck(payload)) {
      return payload.substr(1);
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("page_token: ", Shown(token), " is not of this listing"));
}

absl::StatusOr<int64_t> PageSize(int32_t requested) {
  constexpr int64_t kDefault = 50;
  constexpr int64_t kMax = 1000;
  if (requested < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size: must not be negative, got ", requested));
  }
  return requested == 0 ? kDefault : std::min<int64_t>(requested, kMax);
}

}  // namespace repscore::server
