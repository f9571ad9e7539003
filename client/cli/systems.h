// Representations with names, as words of the command line.
#ifndef REPSCORE_CLIENT_CLI_SYSTEMS_H_
#define REPSCORE_CLIENT_CLI_SYSTEMS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "repscore/v1/comparison.pb.h"

namespace repscore::cli {

/// What commands say of their systems.
inline constexpr char kSystemHelp[] =
    "NAME=FILE.npy, NAME=FILE.npz[:key], or NAME=datasets/DATASET for a "
    "registered one";

/// NAME=FILE or NAME=datasets/DATASET, with the file's elements.
absl::StatusOr<std::vector<v1::System>> ReadSystems(
    const std::vector<std::string>& words);

/// Elements in all systems.
size_t BytesOf(const std::vector<v1::System>& systems);

/// A usage error that ends in `advice` when arrays of so many bytes do not fit
/// the server's messages. Asks the server only when that is in question.
absl::Status CheckFitsMessage(client::Client& client,
                              size_t bytes,
                              const std::string& advice);

/// As CheckFitsMessage, for systems.
absl::Status CheckFitsMessage(client::Client& client,
                              const std::vector<v1::System>& systems);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_SYSTEMS_H_
