// Between the wire and the core: descriptions of datasets.
// Pure functions, safe from any thread. Errors are InvalidArgument and name the
// wire's field.
#ifndef REPSCORE_SERVER_CONVERT_DATASETS_H_
#define REPSCORE_SERVER_CONVERT_DATASETS_H_

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "repscore/v1/catalog.pb.h"
#include "server/catalog/catalog.h"

namespace repscore::server {

/// Text without NUL, known axis kinds; Normalize checks the rest.
absl::StatusOr<DatasetDescription> ToDescription(
    const v1::RegisterDatasetHeader& header);

v1::Dataset ToProto(const DatasetRecord& record);

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_CONVERT_DATASETS_H_
