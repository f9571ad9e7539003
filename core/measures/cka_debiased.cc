// Linear CKA without the diagonal of the kernels. Can be negative; never
// clipped.
//   cka.debiased: cosine of U-centred kernels (Song et al. 2012, HSIC_1;
//                 Szekely & Rizzo 2014)
//   cka.lange:    cosine of the off-diagonal parts of centred kernels (Lange et
//                 al. 2022)
//
// Feature space, with row norms a_i = |x_i|^2, b_i = |y_i|^2:
//   f(X, Y) = |M|^2 - (1 + 2/(n-2)) a.b + (1'a)(1'b) / ((n-1)(n-2))   debiased
//   f(X, Y) = |M|^2 - a.b                                             lange
//   v = f(X, Y) / sqrt(f(X, X) f(Y, Y))
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/text.h"
#include "core/measures/families.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// A self-term this small against its largest part is rounding.
constexpr double kSmallestSelfTerm =
    64 * std::numeric_limits<double>::epsilon();

absl::Status Equidistant(std::string_view side) {
  return absl::InvalidArgumentError(
      StrCat(side,
             ": all rows are equidistant, so that CKA without the diagonal is "
             "undefined"));
}

class CkaWithoutDiagonal final : public Measure {
 public:
  CkaWithoutDiagonal(const MeasureInfo& info, bool debiased, std::string id)
      : Measure(std::move(id)), info_(info), debiased_(debiased) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    if (UsesFeatureSpace(size)) {
      needs.gram = true;
      needs.cross = true;
      needs.reference_gram = true;
      needs.row_norms = true;
      needs.exact_gram = true;
    } else {
      needs.kernel = true;
      needs.reference_kernel = true;
    }
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    return UsesFeatureSpace(statistics.size)
               ? InFeatureSpace(statistics, request)
               : InSampleSpace(statistics, request);
  }

 private:
  static bool UsesFeatureSpace(const ProblemSize& size) {
    return size.space == Space::kFeature;
  }

  struct Factors {
    double product;  ///< of a.b
    double sums;     ///< of (1'a)(1'b)
  };
  Factors FactorsFor(int64_t rows) const {
    if (!debiased_) {
      return {.product = 1.0, .sums = 0.0};
    }
    const double n = static_cast<double>(rows);
    return {.product = 1.0 + 2.0 / (n - 2.0),
            .sums = 1.0 / ((n - 1.0) * (n - 2.0))};
  }

  absl::StatusOr<Evaluation> InFeatureSpace(const Statistics& statistics,
                                            AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const Matrix& a = statistics.gram;
    const Matrix& m = statistics.cross;
    const Matrix& b = statistics.reference_gram;
    const std::vector<double> dots = backend.Dots({{{m, m}, {a, a}, {b, b}}});
    const Factors factors = FactorsFor(statistics.size.rows);
    const RowNorms& norms = statistics.row_norms;
    const double a_sum = statistics.candidate_norm_squared;
    const double b_sum = statistics.reference_norm_squared;
    const auto hsic = [&](double cross, double product, double sums) {
      return cross - factors.product * product + factors.sums * sums;
    };
    const double xy = hsic(dots[0], norms.product, a_sum * b_sum);
    const double xx = hsic(dots[1], norms.candidate_squared, a_sum * a_sum);
    const double yy = hsic(dots[2], norms.reference_squared, b_sum * b_sum);
    if (!(xx > kSmallestSelfTerm * dots[1])) {
      return Equidistant("candidate");
    }
    if (!(yy > kSmallestSelfTerm * dots[2])) {
      return Equidistant("reference");
    }
    const double scale = 1.0 / (std::sqrt(xx) * std::sqrt(yy));
    Evaluation result;
    result.value = xy * scale;
    if (!request.candidate && !request.reference) {
      return result;
    }
    // dv = scale * df(X,Y) - (v / 2 f(X,X)) df(X,X) - ...
    Adjoint& adjoint = result.adjoint;
    adjoint.cross = Scaled(backend, 2.0 * scale, m);
    const SelfTerm candidate = {a, norms.candidate, a_sum, xx};
    const SelfTerm reference = {b, norms.reference, b_sum, yy};
    const double v = result.value;
    if (request.candidate) {
      SideAdjoint side =
          AdjointOf(backend, factors, scale, v, candidate, reference);
      adjoint.gram = std::move(side.gram);
      adjoint.candidate_row_norms = std::move(side.row_norms);
      adjoint.candidate_norm_squared = side.norm_squared;
    }
    if (request.reference) {
      SideAdjoint side =
          AdjointOf(backend, factors, scale, v, reference, candidate);
      adjoint.reference_gram = std::move(side.gram);
      adjoint.reference_row_norms = std::move(side.row_norms);
      adjoint.reference_norm_squared = side.norm_squared;
    }
    return result;
  }

  struct SelfTerm {
    const Matrix& gram;
    const Matrix& row_norms;
    double norm_sum;
    double hsic;
  };

  struct SideAdjoint {
    Matrix gram;
    Matrix row_norms;
    double norm_squared = 0.0;
  };

  /// d f(X,Y) / da = -product b + sums (1'b) 1
  /// d f(X,X): dA = 2 A, da = -2 product a + 2 sums (1'a) 1
  /// The multiples of 1 act on |X|^2 = 1'a.
  static SideAdjoint AdjointOf(Backend& backend,
                               const Factors& factors,
                               double scale,
                               double v,
                               const SelfTerm& own,
                               const SelfTerm& other) {
    const double self = -v / (2.0 * own.hsic);
    SideAdjoint side;
    side.gram = Scaled(backend, 2.0 * self, own.gram);
    side.row_norms = Scaled(backend, -factors.product * scale, other.row_norms);
    backend.Axpby(
        -2.0 * factors.product * self, own.row_norms, 1.0, side.row_norms);
    side.norm_squared =
        factors.sums * (scale * other.norm_sum + 2.0 * self * own.norm_sum);
    return side;
  }

  absl::StatusOr<Evaluation> InSampleSpace(const Statistics& statistics,
                                           AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const Matrix u = WithoutDiagonal(backend, statistics.kernel);
    const Matrix w = WithoutDiagonal(backend, statistics.reference_kernel);
    const std::vector<double> dots = backend.Dots(
        {{{u, w},
          {u, u},
          {w, w},
          {statistics.kernel, statistics.kernel},
          {statistics.reference_kernel, statistics.reference_kernel}}});
    if (!(dots[1] > kSmallestSelfTerm * kSmallestSelfTerm * dots[3])) {
      return Equidistant("candidate");
    }
    if (!(dots[2] > kSmallestSelfTerm * kSmallestSelfTerm * dots[4])) {
      return Equidistant("reference");
    }
    const double scale = 1.0 / (std::sqrt(dots[1]) * std::sqrt(dots[2]));
    Evaluation result;
    result.value = dots[0] * scale;
    if (request.candidate) {
      // dK = U(L) / (u w) - v U(K) / u^2
      result.adjoint.kernel = Scaled(backend, scale, w);
      backend.Axpby(-result.value / dots[1], u, 1.0, result.adjoint.kernel);
    }
    if (request.reference) {
      result.adjoint.reference_kernel = Scaled(backend, scale, u);
      backend.Axpby(
          -result.value / dots[2], w, 1.0, result.adjoint.reference_kernel);
    }
    return result;
  }

  /// The pull-back centres, which for cka.lange completes the derivative.
  Matrix WithoutDiagonal(Backend& backend, const Matrix& kernel) const {
    Matrix centred = backend.Allocate(kernel.rows(), kernel.cols(), kDouble);
    backend.Copy(kernel, centred);
    if (debiased_) {
      backend.UCentre(centred);
    } else {
      backend.FillDiagonal(0.0, centred);
    }
    return centred;
  }

  const MeasureInfo& info_;
  const bool debiased_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeCkaWithoutDiagonal(
    const MeasureInfo& info, Parameters& parameters) {
  return std::make_shared<CkaWithoutDiagonal>(
      info, info.id == "cka.debiased", parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> CkaDebiasedFamily() {
  const MeasureInfo debiased = {
      .id = "cka.debiased",
      .aliases = {"cka_debiased"},
      .summary = "linear CKA with unbiased HSIC; may be negative",
      .orientation = Orientation::kScore,
      .lowest = -1.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = true,
      .invariances = {"orthogonal", "permutation", "scale", "translation"},
      .parameters = {},
      .minimum_rows = 4,
      .source = "Murphy et al. 2024; Song et al. 2012, eq. 5",
      .cost = "n (p q + p^2), or n^2 (p + q) for p > n",
      .known_as = {"brainscore_vision: cka (plus 1e-12 in the denominator)"}};
  MeasureInfo lange = debiased;
  lange.id = "cka.lange";
  lange.aliases = {"cka_lange"};
  lange.summary =
      "linear CKA of centred kernels without their diagonal; may be negative";
  lange.minimum_rows = 2;
  lange.source =
      "Lange et al. 2022, Neural networks as paths through the space of "
      "representations";
  lange.known_as = {};
  return {{debiased, MakeCkaWithoutDiagonal}, {lange, MakeCkaWithoutDiagonal}};
}

}  // namespace repscore
