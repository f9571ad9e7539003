// The golden pair and what measures say of it: numbers published by several
// packages, or computed by independent programs.
//
// Constants; thread-safe.
#ifndef REPSCORE_CORE_SELF_TEST_GOLDEN_VALUES_H_
#define REPSCORE_CORE_SELF_TEST_GOLDEN_VALUES_H_

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "core/data/dataset.h"

namespace repscore {

/// Two independent uniform arrays [30 x 25], float64: NumPy's legacy generator
/// with seed 0 gives first the reference, then the candidate.
struct GoldenPair {
  HostArray reference;
  HostArray candidate;
};
GoldenPair MakeGoldenPair();

/// How a value is computed, and so how closely it comes again.
enum class GoldenKind {
  kSum,     ///< of sums of products
  kFactor,  ///< through factorisations, or of predictions
  kAscent,  ///< after steps of Adam up the measure
};

struct GoldenValue {
  /// Specification of a registered measure.
  std::string_view measure;
  double expected = 0.0;
  GoldenKind kind = GoldenKind::kSum;
  /// Steps that the candidate has taken before.
  int64_t step = 0;
};

/// In the order of the README's table of measures.
absl::Span<const GoldenValue> GoldenValues();

}  // namespace repscore

#endif  // REPSCORE_CORE_SELF_TEST_GOLDEN_VALUES_H_
