// Bands of features and the weights that a search tries on them. Values.
#ifndef REPSCORE_CORE_MEASURES_BANDS_H_
#define REPSCORE_CORE_MEASURES_BANDS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace repscore {

/// Which columns form which band.
class BandRule {
 public:
  /// "equal(k)": k blocks, the first p mod k one larger; "counts(a,b,...)":
  /// blocks of these sizes; "ranges(0-3,4-7,...)": first to last column, both
  /// included. InvalidArgument starts with "bands".
  static absl::StatusOr<BandRule> Parse(std::string_view text);
  std::string ToString() const;

  int64_t count() const { return count_; }
  /// Band of every column. InvalidArgument unless every one of `features`
  /// columns lies in exactly one band.
  absl::StatusOr<std::vector<int64_t>> Assign(int64_t features) const;

 private:
  enum class Kind { kEqual, kCounts, kRanges };

  Kind kind_ = Kind::kEqual;
  int64_t count_ = 0;
  std::vector<int64_t> sizes_;                       ///< kCounts
  std::vector<std::pair<int64_t, int64_t>> ranges_;  ///< kRanges, inclusive
};

/// Weights of the bands, by which the squared features are multiplied.
class BandWeights {
 public:
  /// "deltas(d1,d2,...)": exp(d) of every band; "random(count,seed)": equal
  /// weights, then points that are uniform on the simplex; "simplex(steps)":
  /// all multiples of 1 / steps that sum to 1. InvalidArgument starts with
  /// "weights".
  static absl::StatusOr<BandWeights> Parse(std::string_view text);
  std::string ToString() const;

  /// There is nothing to search.
  bool fixed() const { return kind_ == Kind::kDeltas; }
  /// Weights of `bands` bands, one list each. InvalidArgument where there are
  /// too many, or deltas of another number of bands.
  absl::StatusOr<std::vector<std::vector<double>>> List(int64_t bands) const;

 private:
  enum class Kind { kDeltas, kRandom, kSimplex };

  Kind kind_ = Kind::kRandom;
  std::vector<double> deltas_;
  int64_t count_ = 0;  ///< kRandom: draws; kSimplex: steps
  uint64_t seed_ = 0;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_MEASURES_BANDS_H_
