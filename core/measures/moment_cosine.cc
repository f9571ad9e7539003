#include "core/measures/moment_cosine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace repscore {
namespace {

// F(X, X) this small against its largest part is rounding.
constexpr double kSmallestSelfTerm =
    64 * std::numeric_limits<double>::epsilon();

/// The parts of F of one side with itself.
struct SelfParts {
  Matrix product;  ///< X'X or XX'
  Matrix norms;    ///< a
  double product_squared = 0.0;
  double norms_squared = 0.0;
  double norm_sum = 0.0;
  double value = 0.0;

  double Largest(const MomentForm& form) const {
    return std::max({std::abs(form.cross) * product_squared,
                     std::abs(form.norms) * norms_squared,
                     std::abs(form.sums) * norm_sum * norm_sum});
  }
};

absl::Status Undefined(std::string_view side) {
  return absl::InvalidArgumentError(
      std::string(side) +
      ": all rows are equidistant, so that the value is undefined");
}

}  // namespace

StatisticsNeeds MomentFormNeeds(Space space) {
  StatisticsNeeds needs;
  needs.row_norms = true;
  needs.exact_gram = true;
  if (space == Space::kFeature) {
    needs.gram = true;
    needs.cross = true;
    needs.reference_gram = true;
  } else {
    needs.kernel = true;
    needs.reference_kernel = true;
  }
  return needs;
}

absl::StatusOr<Evaluation> EvaluateMomentForm(const MomentForm& form,
                                              const Statistics& statistics,
                                              AdjointRequest request) {
  Backend& backend = *statistics.backend;
  const bool feature = statistics.size.space == Space::kFeature;
  const RowNorms& norms = statistics.row_norms;
  SelfParts x = {.product = feature ? statistics.gram : statistics.kernel,
                 .norms = norms.candidate,
                 .norms_squared = norms.candidate_squared,
                 .norm_sum = statistics.candidate_norm_squared};
  SelfParts y = {.product = feature ? statistics.reference_gram
                                    : statistics.reference_kernel,
                 .norms = norms.reference,
                 .norms_squared = norms.reference_squared,
                 .norm_sum = statistics.reference_norm_squared};
  // |X'Y|^2 = <XX', YY'>
  const std::vector<double> dots =
      backend.Dots({{{x.product, x.product},
                     {y.product, y.product},
                     {feature ? statistics.cross : x.product,
                      feature ? statistics.cross : y.product}}});
  x.product_squared = dots[0];
  y.product_squared = dots[1];
  for (SelfParts* side : {&x, &y}) {
    side->value = form.cross * side->product_squared +
                  form.norms * side->norms_squared +
                  form.sums * side->norm_sum * side->norm_sum;
    const bool defined = side->value > kSmallestSelfTerm * side->Largest(form);
    if (!defined && !form.zero_when_undefined) {
      return Undefined(side == &x ? "candidate" : "reference");
    }
  }
  Evaluation result;
  if (!(x.value > 0.0 && y.value > 0.0)) {
    return result;
  }
  const double xy = form.cross * dots[2] + form.norms * norms.product +
                    form.sums * x.norm_sum * y.norm_sum;
  const double root = std::sqrt(x.value) * std::sqrt(y.value);
  result.value = std::clamp(xy / (root + form.added), -1.0, 1.0);
  if (!request.candidate && !request.reference) {
    return result;
  }
  // dv = (dF(X,Y) - v root (dF(X,X) / F(X,X) + ...) / 2) / (root + added)
  const double scale = 1.0 / (root + form.added);
  Adjoint& adjoint = result.adjoint;
  if (feature) {
    adjoint.cross = Scaled(backend, 2.0 * scale * form.cross, statistics.cross);
  }
  const auto fill = [&](const SelfParts& own,
                        const SelfParts& other,
                        Matrix& product,
                        Matrix& row_norms,
                        double& norm_squared) {
    const double self = -result.value * scale * root / own.value;
    product = Scaled(backend, self * form.cross, own.product);
    if (!feature) {
      backend.Axpby(scale * form.cross, other.product, 1.0, product);
    }
    if (form.norms != 0.0) {
      row_norms = Scaled(backend, scale * form.norms, other.norms);
      backend.Axpby(self * form.norms, own.norms, 1.0, row_norms);
    }
    norm_squared = form.sums * (scale * other.norm_sum + self * own.norm_sum);
  };
  if (request.candidate) {
    fill(x,
         y,
         feature ? adjoint.gram : adjoint.kernel,
         adjoint.candidate_row_norms,
         adjoint.candidate_norm_squared);
  }
  if (request.reference) {
    fill(y,
         x,
         feature ? adjoint.reference_gram : adjoint.reference_kernel,
         adjoint.reference_row_norms,
         adjoint.reference_norm_squared);
  }
  return result;
}

}  // namespace repscore
