#include "client/cli/matrix_file.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "core/base/status_macros.h"

namespace repscore::cli {

absl::StatusOr<v1::PairwiseResult> ReadPairwise(const std::string& path) {
  REPSCORE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  v1::PairwiseResult result;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(text, &result, options);
  if (!parsed.ok() || result.names().empty() || result.matrices().empty()) {
    return UsageError(absl::StrCat(
        path, ": expected what 'repscore pairwise --json' writes"));
  }
  const int64_t size = result.names_size();
  for (const v1::PairwiseMatrix& matrix : result.matrices()) {
    if (matrix.values_size() != size * size) {
      return UsageError(absl::StrCat(path,
                                     ": the matrix of ",
                                     matrix.measure(),
                                     " has ",
                                     matrix.values_size(),
                                     " values for ",
                                     size,
                                     " systems"));
    }
  }
  return result;
}

}  // namespace repscore::cli
