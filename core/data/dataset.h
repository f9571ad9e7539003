// A registered recording: an array with axes, labels, groups and provenance.
// Immutable once made; share it by std::shared_ptr<const Dataset>.
#ifndef REPSCORE_CORE_DATA_DATASET_H_
#define REPSCORE_CORE_DATA_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/dtype.h"

namespace repscore {

enum class AxisKind { kTime, kCondition, kSample, kFeature };

struct Axis {
  AxisKind kind = AxisKind::kSample;
  int64_t size = 0;
  /// Optional, one per index.
  std::vector<double> coordinates = {};
  /// Unit of the coordinates, for instance "ms".
  std::string unit = {};
};

/// A named property (label) or partition (group) of conditions or samples:
/// one value per index of the condition or sample axis.
struct NamedValues {
  std::string name;
  std::vector<std::string> values;
};

/// What a dataset is, without its elements.
struct DatasetDescription {
  ArraySpec spec;
  /// One per dimension of spec.shape, the last of kind kFeature.
  std::vector<Axis> axes;
  std::vector<NamedValues> labels;
  std::vector<NamedValues> groups;
  /// Identity of every condition (or sample), for instance a stimulus id; empty
  /// or one per index. Equal ids are repetitions of one condition.
  std::vector<std::string> row_ids = {};
  std::string display_name;
  std::string description;
  std::string citation;
  std::map<std::string, std::string> attributes;
};

/// Fills in default axes ((sample, feature), or (time, condition, feature) for
/// rank 3) and axis sizes that are 0, makes [n] an [n x 1], and checks that
/// everything fits together: kinds as above ("condition" and "sample" stand for
/// each other), one label, group value and row id per condition or sample, text
/// in UTF-8 without NUL. InvalidArgument names the field in the wire's words
/// ("axes[0].size", "labels[1].values"). Normalising twice changes nothing.
absl::Status Normalize(DatasetDescription& description);

/// SHA-256 (hex) over spec, axes, labels, groups, the digest of the data and
/// row ids where there are some: two datasets with the same content digest give
/// the same scores.
std::string ContentDigest(const DatasetDescription& description,
                          const std::string& data_sha256);

struct Dataset {
  /// datasets/{dataset}/versions/{version}
  std::string name;
  int64_t version = 0;
  std::string digest;
  DatasetDescription description;
  /// Row-major elements as registered, little-endian.
  std::vector<std::byte> data;
  /// What was registered, where this is its average over repetitions.
  std::shared_ptr<const Dataset> repetitions = nullptr;

  /// Rows n after folding: row = time * conditions + condition.
  int64_t rows() const { return RowCount(description.spec); }
  int64_t features() const { return FeatureCount(description.spec); }
  /// Conditions per time bin; all rows are conditions without a time axis.
  int64_t conditions() const;
};

/// Rank-1 to rank-3 array read from a file, converted to little-endian
/// row-major order.
struct HostArray {
  ArraySpec spec;
  std::vector<std::byte> data;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_DATA_DATASET_H_
