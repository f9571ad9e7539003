// The tables of catalog.db and how older versions become the current one.
#ifndef REPSCORE_SERVER_CATALOG_SCHEMA_H_
#define REPSCORE_SERVER_CATALOG_SCHEMA_H_

#include "absl/status/status.h"
#include "server/catalog/sqlite.h"

namespace repscore::server {

/// Sets WAL and synchronous=FULL, checks the file and brings the tables up to
/// date. DataLoss when the file is damaged, FailedPrecondition when a newer
/// server wrote it.
absl::Status PrepareDatabase(sqlite::Database& database);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CATALOG_SCHEMA_H_
