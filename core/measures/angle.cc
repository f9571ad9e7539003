#include "core/measures/angle.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace repscore {
namespace {

// acos(1 - d) has a relative error of eps / (2 d): 1e-10 at this distance.
constexpr double kNearOne = 1e-6;
// Below this 1 - v^2 the slope of acos is rounding noise.
constexpr double kSmallestSineSquared = 1e-12;
// Rotated rows must keep their norm to this.
constexpr double kNormTolerance = 1e-13;

}  // namespace

bool NearOne(double v) {
  return v > 1.0 - kNearOne;
}

FormValue ApplyForm(CosineForm form, double v, std::optional<double> angle) {
  if (form == CosineForm::kCosine) {
    return {.value = v, .slope = 1.0, .at_optimum = false};
  }
  const double cosine = std::clamp(v, 0.0, 1.0);
  const double theta = angle.value_or(std::acos(cosine));
  const double sine_squared = (1.0 - cosine) * (1.0 + cosine);
  FormValue result;
  result.at_optimum = sine_squared < kSmallestSineSquared;
  const double slope = result.at_optimum ? 0.0 : -1.0 / std::sqrt(sine_squared);
  if (form == CosineForm::kAngle) {
    result.value = theta;
    result.slope = slope;
  } else {
    constexpr double kPerAngle = 2.0 * std::numbers::inv_pi;
    result.value = 1.0 - kPerAngle * theta;
    result.slope = -kPerAngle * slope;
  }
  return result;
}

std::optional<AlignedRows> AlignRows(const Statistics& statistics,
                                     double candidate_scale,
                                     double reference_scale) {
  const Matrix& x = statistics.candidate_rows;
  const Matrix& y = statistics.reference_rows;
  if (x.empty() || y.empty() || x.type() != ScalarType::kFloat64 ||
      y.type() != ScalarType::kFloat64) {
    return std::nullopt;
  }
  Backend& backend = *statistics.backend;
  constexpr ScalarType kDouble = ScalarType::kFloat64;
  const Matrix cross = backend.Allocate(x.cols(), y.cols(), kDouble);
  backend.Gemm(Op::kTranspose, Op::kNone, 1.0, x, y, 0.0, cross);
  const Matrix q = backend.Allocate(x.cols(), y.cols(), kDouble);
  backend.Polar(cross, PolarMethod::kSvd, q);
  // The narrower side is rotated into the frame of the wider one.
  const bool rotate_reference = x.cols() >= y.cols();
  const Matrix& narrow = rotate_reference ? y : x;
  const Matrix& wide = rotate_reference ? x : y;
  const double narrow_scale =
      rotate_reference ? reference_scale : candidate_scale;
  const double wide_scale =
      rotate_reference ? candidate_scale : reference_scale;
  AlignedRows aligned;
  aligned.sum = backend.Allocate(wide.rows(), wide.cols(), kDouble);
  backend.Gemm(Op::kNone,
               rotate_reference ? Op::kTranspose : Op::kNone,
               narrow_scale,
               narrow,
               q,
               0.0,
               aligned.sum);
  const double before =
      narrow_scale * narrow_scale * backend.Dot(narrow, narrow);
  const double after = backend.Dot(aligned.sum, aligned.sum);
  if (std::abs(after - before) > kNormTolerance * before) {
    return std::nullopt;
  }
  aligned.difference = backend.Allocate(wide.rows(), wide.cols(), kDouble);
  backend.Copy(aligned.sum, aligned.difference);
  backend.Axpby(wide_scale, wide, 1.0, aligned.sum);
  backend.Axpby(wide_scale, wide, -1.0, aligned.difference);
  return aligned;
}

}  // namespace repscore
