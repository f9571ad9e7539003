// Words of the command line as values of the wire.
//
// Everything that cannot be understood, files included, is a usage error
// (failure.h).
#ifndef REPSCORE_CLIENT_CLI_ARGUMENTS_H_
#define REPSCORE_CLIENT_CLI_ARGUMENTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "repscore/v1/types.pb.h"

namespace repscore::cli {

/// "mante" and "mante/versions/2" with datasets/ in front; full names as they
/// are.
std::string DatasetName(const std::string& word);

/// As DatasetName, for runs/.
std::string RunName(const std::string& word);

/// "cka(a=1)=0.5" is ("cka(a=1)", "0.5"): cut at the last '='.
absl::StatusOr<std::pair<std::string, std::string>> SplitAtLastEquals(
    const std::string& word);

/// "name=rest", cut at the first '='.
absl::StatusOr<std::pair<std::string, std::string>> SplitAtFirstEquals(
    const std::string& word);

absl::StatusOr<double> ParseNumber(const std::string& word);

absl::StatusOr<std::string> ReadTextFile(const std::string& path);

/// Lines of a text file, of which there must be one.
absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path);

/// A shape as "3200x4096" and an element type as "float32".
absl::StatusOr<v1::TensorSpec> ParseTensorSpec(const std::string& shape,
                                               const std::string& type);

/// .npy or .npz[:key].
absl::StatusOr<HostArray> ReadArray(const std::string& path);

/// Elements of a rank-1 array file.
absl::StatusOr<std::vector<double>> ReadNumbers(const std::string& path);

/// Values of a label or group: the lines of a text file, the elements of an
/// array file, or, when there is no such file, the words between commas.
absl::StatusOr<std::vector<std::string>> ParseValues(const std::string& word);

struct Folds {
  std::vector<v1::RowIndices> validation;
  /// As many, or none: each fold trains on the rows outside it.
  std::vector<v1::RowIndices> training;
};

/// Rows of every fold, from a JSON list with one list of validation rows, or
/// one {"validation": [...], "training": [...]}, per fold, or from an array
/// file with the fold index of every row (negative: in no fold).
absl::StatusOr<Folds> ReadFolds(const std::string& path);

/// Measures in the order of `ids`. The folds of `folds_path` (may be empty) go
/// to every measure with folds=explicit; there must be one then.
absl::StatusOr<std::vector<v1::MeasureSpec>> MeasureSpecs(
    const std::vector<std::string>& ids, const std::string& folds_path);

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_ARGUMENTS_H_
