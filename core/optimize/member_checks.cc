// What a member says of rows that cannot be compared, and of numbers that are
// none.
#include <cmath>
#include <string>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/optimize/finite.h"
#include "core/optimize/member.h"

namespace repscore {
namespace {

// No step of Adam is longer than this many of its step sizes in any element.
constexpr double kLongestStep = 1e3;
// Weights up to here leave a gradient of normal rows in the range of float32.
constexpr double kLargestWeight = 1e15;

}  // namespace

absl::Status Member::Overflowed(int64_t step) const {
  if (lbfgs_.has_value()) {
    return absl::InvalidArgumentError(
        StrCat("lbfgs: the candidate overflowed at step ", step));
  }
  return absl::InvalidArgumentError(
      StrCat("adam.learning_rate: ",
             problem_.plan.adam.learning_rate,
             " made the candidate overflow at step ",
             step));
}

absl::Status Member::CheckRows(const Statistics& statistics,
                               int64_t step) const {
  const double largest =
      step == 0 ? largest_start_ : std::sqrt(statistics.candidate_norm_squared);
  const int64_t n = problem_.reference->rows();
  if (!HasVariance(
          statistics.candidate_norm_squared, largest, n, problem_.features)) {
    return absl::InvalidArgumentError(
        StrCat(step == 0 ? "start.candidate" : "candidate",
               ": has no variance over its ",
               n,
               " rows at step ",
               step));
  }
  return absl::OkStatus();
}

absl::Status Member::Refused(const absl::Status& reason,
                             const Statistics& statistics,
                             const RowPair& pair,
                             int64_t step) const {
  if (!backend_.Health().ok()) {
    return reason;
  }
  // Measures refuse what they cannot compare; NaN may look like it.
  if (!IsFinite(statistics)) {
    return NotFinite(pair, step);
  }
  return absl::IsInternal(reason)
             ? absl::InternalError(StrCat(
                   reason.message(), ": ", backend_.name(), " at step ", step))
             : reason;
}

absl::Status Member::NanFromDevice(std::string_view side, int64_t step) const {
  return absl::InternalError(StrCat(
      side, ": ", kNanFromDevice, ": ", backend_.name(), " at step ", step));
}

absl::Status Member::CheckSize(const Matrix& rows,
                               ScalarType type,
                               bool moves,
                               std::string_view side,
                               int64_t step) const {
  Magnitude magnitude = MagnitudeOf(backend_, rows, type);
  const double start_squared =
      largest_start_ * largest_start_ * static_cast<double>(rows.size());
  if (moves && step == 0 &&
      MagnitudeOf(start_squared, type) == Magnitude::kLarge) {
    // Their means may have overflowed already.
    magnitude = Magnitude::kLarge;
  }
  const bool may_overflow = moves && step > 0;
  switch (magnitude) {
    case Magnitude::kNormal:
      return absl::OkStatus();
    case Magnitude::kNotFinite:
      // Steps of Adam are checked as they are made; line searches reach far.
      return may_overflow && lbfgs_.has_value() ? Overflowed(step)
                                                : NanFromDevice(side, step);
    case Magnitude::kLarge:
      if (may_overflow) {
        return Overflowed(step);
      }
      break;
    case Magnitude::kSmall:
      break;
  }
  return absl::InvalidArgumentError(
      StrCat(step == 0 && moves ? "start." : "",
             side,
             ": its rows are too ",
             magnitude == Magnitude::kLarge ? "large" : "small",
             " for products in ",
             type == ScalarType::kFloat64 ? "float64" : "float32",
             " at step ",
             step));
}

absl::Status Member::NotFinite(const RowPair& pair, int64_t step) const {
  const ScalarType type = pair.candidate.type();
  REPSCORE_RETURN_IF_ERROR(
      CheckSize(pair.candidate, type, true, "candidate", step));
  const bool both = problem_.moves_both();
  REPSCORE_RETURN_IF_ERROR(
      CheckSize(both ? pair.reference : pair.exact_reference,
                type,
                both,
                both ? "reference" : "dataset",
                step));
  for (size_t i = 0; i < problem_.plan.terms.size(); ++i) {
    const double weight = problem_.plan.terms[i].weight;
    if (weight > kLargestWeight) {
      return absl::InvalidArgumentError(
          StrCat("terms[",
                 i,
                 "].weight: ",
                 weight,
                 " made the objective or its gradient overflow at step ",
                 step));
    }
  }
  return NanFromDevice("candidate", step);
}

bool Member::StepIsNormal() const {
  if (lbfgs_.has_value()) {
    const double step = problem_.plan.lbfgs->initial_step;
    return MagnitudeOf(step * step, candidate_.rows.type()) !=
           Magnitude::kLarge;
  }
  const double longest =
      kLongestStep * CoefficientsOf(problem_.plan.adam, step_ + 1).step_size;
  return MagnitudeOf(
             longest * longest * static_cast<double>(candidate_.rows.size()),
             candidate_.rows.type()) != Magnitude::kLarge;
}

absl::Status Member::CheckStep(double gradient_squared,
                               double next_squared) const {
  if (std::isfinite(gradient_squared) && std::isfinite(next_squared)) {
    return absl::OkStatus();
  }
  const absl::Status reason = NotFinite(pair_, step_);
  const bool went_too_far = reason.code() == absl::StatusCode::kInternal &&
                            std::isfinite(gradient_squared) && !StepIsNormal();
  return went_too_far ? Overflowed(step_ + 1) : reason;
}

}  // namespace repscore
