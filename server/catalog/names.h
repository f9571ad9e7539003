// Resource names, ids and page tokens: checked before they reach the store.
#ifndef REPSCORE_SERVER_CATALOG_NAMES_H_
#define REPSCORE_SERVER_CATALOG_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace repscore::server {

struct DatasetName {
  std::string dataset_id;
  /// Unset for the latest.
  std::optional<int64_t> version;
};

/// InvalidArgument, naming `field`, unless `id` is 1-63 of [a-z0-9._-]
/// starting with a letter or digit.
absl::Status CheckId(std::string_view id, std::string_view field);

/// Parses datasets/{dataset} and datasets/{dataset}/versions/{version}.
/// InvalidArgument for anything else.
absl::StatusOr<DatasetName> ParseDatasetName(std::string_view name);

std::string FormatDatasetName(std::string_view dataset_id, int64_t version);

/// Lower-case form of 64 hex digits. InvalidArgument, naming `sha256`, for
/// anything else.
absl::StatusOr<std::string> ParseSha256(std::string_view digest);

/// What may be shown in a message of text that came from outside: at most 80
/// characters, escaped, in quotes.
std::string Shown(std::string_view text);

/// Listings that have pages.
enum class Listing : char { kDatasets = 'd', kRuns = 'r' };

/// An opaque token: the next page begins behind `key`.
std::string FormatPageToken(Listing listing, std::string_view key);

/// The key of a token; empty for an empty token. InvalidArgument, naming
/// `page_token`, when it is not one of this listing.
absl::StatusOr<std::string> ParsePageToken(Listing listing,
                                           std::string_view token);

/// Items on a page: 50 for 0, at most 1000. InvalidArgument, naming
/// `page_size`, when negative.
absl::StatusOr<int64_t> PageSize(int32_t requested);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_NAMES_H_
