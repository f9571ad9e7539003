#include "core/analysis/student_quantile.h"

#include <cmath>
#include <numbers>

namespace repscore {
namespace {

double NormalQuantile(double probability) {
  double low = -40.0;
  double high = 40.0;
  constexpr int kHalvings = 80;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = 0.5 * (low + high);
    const double below = 0.5 * std::erfc(-middle / std::numbers::sqrt2);
    (below < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

double StudentQuantile(double probability, double degrees) {
  const double z = NormalQuantile(probability);
  const double z2 = z * z;
  const double first = (z2 + 1.0) / 4.0;
  const double second = (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / 96.0;
  const double third =
      (3.0 * z2 * z2 * z2 + 19.0 * z2 * z2 + 17.0 * z2 - 15.0) / 384.0;
  return z * (1.0 + (first + (second + third / degrees) / degrees) / degrees);
}

}  // namespace repscore
