// Counter-based random numbers: the same (seed, stream, index) gives the same
// number on every machine and backend, in any order of evaluation.
#ifndef REPSCORE_CORE_BASE_RANDOM_H_
#define REPSCORE_CORE_BASE_RANDOM_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace repscore {

/// Philox 4x32 with 10 rounds (Salmon et al. 2011, Parallel random numbers: as
/// easy as 1, 2, 3). Stateless apart from its key; safe to share.
class Philox {
 public:
  static constexpr std::string_view kName = "philox4x32-10";

  /// `stream` separates the uses of one seed (start, fold shuffle, ...).
  explicit Philox(uint64_t seed, uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  /// Four independent 32-bit words of block `counter`.
  std::array<uint32_t, 4> Block(uint64_t counter) const;

  /// Uniform in (0, 1), an odd multiple of 2^-53: element `index` of the
  /// sequence.
  double Uniform(uint64_t index) const;

  /// Fills `out` with standard normals `first`, `first` + 1, ... (Box-Muller),
  /// drawn from the same blocks as Uniform: use another stream for those.
  void FillNormal(uint64_t first, absl::Span<double> out) const;

  /// A uniformly random permutation of 0 .. size - 1 (Fisher-Yates).
  std::vector<int64_t> Permutation(int64_t size) const;

 private:
  uint64_t seed_;
  uint64_t stream_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_RANDOM_H_
