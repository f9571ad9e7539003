// Results of experiments that the catalog keeps. Disk.
#ifndef REPSCORE_SERVER_EXPERIMENTS_STORED_RESULTS_H_
#define REPSCORE_SERVER_EXPERIMENTS_STORED_RESULTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/catalog/catalog.h"
#include "server/error.h"
#include "server/executor.h"
#include "spdlog/spdlog.h"

namespace repscore::server {

/// The stored message, or NotFound. One that an older server wrote in another
/// form counts as not there.
template <typename Message>
absl::StatusOr<Message> FindResult(Catalog& catalog,
                                   const std::string& dataset_digest,
                                   const std::string& kind,
                                   const std::string& request) {
  const auto bytes = catalog.GetAnalysis(dataset_digest, kind, request);
  if (!bytes.ok()) {
    return bytes.status();
  }
  Message message;
  if (!message.ParseFromString(*bytes)) {
    return absl::NotFoundError("the stored result is damaged");
  }
  return message;
}

/// Keeps a message; a failure is logged, since it can be computed again. Posts
/// to `disk`: call from any thread.
template <typename Message>
void KeepResult(Catalog& catalog,
                Executor& disk,
                const std::string& dataset_digest,
                const std::string& kind,
                const std::string& request,
                const Message& message) {
  disk.Post([&catalog,
             dataset_digest,
             kind,
             request,
             bytes = message.SerializeAsString()] {
    const absl::Status status = NoThrow([&] {
      return catalog.PutAnalysis(dataset_digest, kind, request, bytes);
    });
    if (!status.ok()) {
      spdlog::error(
          "cannot keep {} of {}: {}", kind, dataset_digest, status.ToString());
    }
  });
}

}  // namespace repscore::server

#endif  // REPSCORE_SERVER_EXPERIMENTS_STORED_RESULTS_H_
