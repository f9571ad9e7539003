// The form in which the database keeps a DatasetDescription.
#ifndef REPSCORE_SERVER_CATALOG_DESCRIPTION_JSON_H_
#define REPSCORE_SERVER_CATALOG_DESCRIPTION_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"

namespace repscore::server {

/// `description` is normalised.
std::string ToJson(const DatasetDescription& description);

/// DataLoss when `json` is not what ToJson made.
absl::StatusOr<DatasetDescription> FromJson(const std::string& json);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_DESCRIPTION_JSON_H_
