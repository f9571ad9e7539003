#include "core/optimize/finite.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace repscore {
namespace {

double LargestOf(ScalarType type) {
  return type == ScalarType::kFloat64
             ? std::numeric_limits<double>::max()
             : static_cast<double>(std::numeric_limits<float>::max());
}

}  // namespace

Magnitude MagnitudeOf(double norm_squared, ScalarType type) {
  // Measures multiply at most two elements of Gram matrices, whose elements are
  // at most the squared norm.
  const double largest = std::sqrt(LargestOf(type));
  if (!(norm_squared <= largest)) {
    return Magnitude::kLarge;
  }
  return norm_squared < 1.0 / largest ? Magnitude::kSmall : Magnitude::kNormal;
}

Magnitude MagnitudeOf(Backend& backend, const Matrix& rows, ScalarType type) {
  std::vector<double> elements(static_cast<size_t>(rows.size()));
  backend.Download(rows, absl::MakeSpan(elements));
  double norm_squared = 0.0;
  for (const double element : elements) {
    if (!std::isfinite(element)) {
      return Magnitude::kNotFinite;
    }
    norm_squared += element * element;
  }
  return MagnitudeOf(norm_squared, type);
}

bool IsFinite(const Statistics& statistics) {
  std::vector<std::pair<Matrix, Matrix>> pairs;
  const auto add = [&](const Matrix& matrix) {
    if (!matrix.empty()) {
      pairs.emplace_back(matrix, matrix);
    }
  };
  for (const Matrix* matrix : {&statistics.gram,
                               &statistics.cross,
                               &statistics.reference_gram,
                               &statistics.kernel,
                               &statistics.reference_kernel,
                               &statistics.row_norms.candidate,
                               &statistics.row_norms.reference,
                               &statistics.candidate_rows,
                               &statistics.reference_rows,
                               &statistics.candidate_means,
                               &statistics.reference_means}) {
    add(*matrix);
  }
  for (const auto& [rule, folded] : statistics.folds) {
    for (const FoldMoments& fold : folded.moments) {
      for (const Matrix* matrix : {&fold.candidate_sum,
                                   &fold.reference_sum,
                                   &fold.gram,
                                   &fold.cross,
                                   &fold.reference_gram}) {
        add(*matrix);
      }
    }
  }
  std::vector<double> sums = statistics.backend->Dots(pairs);
  sums.push_back(statistics.candidate_norm_squared);
  sums.push_back(statistics.reference_norm_squared);
  return std::all_of(
      sums.begin(), sums.end(), [](double sum) { return std::isfinite(sum); });
}

}  // namespace repscore
