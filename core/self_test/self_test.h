// Whether a device computes what it must: every golden value again, scores and
// steps of an optimisation alike.
//
// A pure function of its backend; use from the thread that owns it.
#ifndef REPSCORE_CORE_SELF_TEST_SELF_TEST_H_
#define REPSCORE_CORE_SELF_TEST_SELF_TEST_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backend/backend.h"
#include "core/self_test/golden_values.h"

namespace repscore {

/// One golden value and what the device gave for it.
struct SelfTestCheck {
  /// Canonical specification; as asked for where there is no such measure.
  std::string measure;
  /// Steps that the candidate has taken before.
  int64_t step = 0;
  double expected = 0.0;
  double tolerance = 0.0;
  /// Empty where there is no value, with the reason.
  std::optional<double> actual;
  std::string error;

  bool passed() const;
};

struct SelfTestReport {
  /// The backend's name.
  std::string device;
  std::vector<SelfTestCheck> checks;

  bool passed() const;
  /// OK, or DataLoss with how many checks failed and the first of them:
  /// measure, expected, got, tolerance, device.
  absl::Status status() const;
};

/// Checks `values` one by one. A value that cannot be computed is a check that
/// fails; not-OK is what `keep_going`, asked between checks, returns, and the
/// error of a device that is lost or out of memory.
absl::StatusOr<SelfTestReport> RunSelfTest(
    Backend& backend,
    const std::function<absl::Status()>& keep_going = nullptr,
    absl::Span<const GoldenValue> values = GoldenValues());

}  // namespace repscore

#endif  // REPSCORE_CORE_SELF_TEST_SELF_TEST_H_
