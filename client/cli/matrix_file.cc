#include "client/cli/matrix_file.h"

#include <google/protobuf/util/json_util.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/arguments.h"
#include "client/cli/failure.h"
#include "core/base/status_macros.h"

namespace repscore::cli {
namespace {

// nullptr when there is no matrix with this full name.
const v1::PairwiseMatrix* Named(const v1::PairwiseResult& pairwise,
                                const std::string& measure) {
  for (const v1::PairwiseMatrix& matrix : pairwise.matrices()) {
    if (matrix.measure() == measure) {
      return &matrix;
    }
  }
  return nullptr;
}

}  // namespace

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

absl::StatusOr<v1::PairwiseMatrix> FindMatrix(
    client::Client& client,
    const v1::PairwiseResult& pairwise,
    const v1::MeasureSpec& measure) {
  if (const v1::PairwiseMatrix* matrix = Named(pairwise, measure.id())) {
    return *matrix;
  }
  REPSCORE_ASSIGN_OR_RETURN(const v1::MeasureDescription description,
                            client.DescribeMeasure(measure));
  if (const v1::PairwiseMatrix* matrix =
          Named(pairwise, description.canonical())) {
    return *matrix;
  }
  return NoSuchMatrix(pairwise, absl::StrCat("no matrix of ", measure.id()));
}

absl::Status NoSuchMatrix(const v1::PairwiseResult& pairwise,
                          const std::string& what) {
  std::vector<std::string> measures;
  for (const v1::PairwiseMatrix& matrix : pairwise.matrices()) {
    measures.push_back(matrix.measure());
  }
  return UsageError(absl::StrCat(
      what, "; the file has matrices of ", absl::StrJoin(measures, ", ")));
}

}  // namespace repscore::cli
