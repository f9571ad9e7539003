// Alignment of kernels between rows: K of the candidate, L of the reference,
// P what removes their means,
//
//   cosine  v = <P K, P L> / (|P K| |P L|)
//   root    v = sqrt(cosine)                          distance correlation
//   product v = <P K, P L> / (n-1)^2 or / (n (n-3))   HSIC
//
// With w = |P L|, u = |P K|, the cosine has dv/dK = P'(P L / (u w) - v P K /
// u^2).
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/pairwise_kernel.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// A centred kernel this small against the kernel is rounding.
constexpr double kSmallestCentred = 64 * std::numeric_limits<double>::epsilon();

/// What is done about means and the diagonal.
enum class Bias {
  kBiased,    ///< P K = H K H
  kUnbiased,  ///< P K = U(K), U-centring
  kLange,     ///< P K = H K H without its diagonal
};

enum class Outcome { kCosine, kRootOfCosine, kProduct };

void Project(Backend& backend, Bias bias, const Matrix& kernel) {
  if (bias == Bias::kUnbiased) {
    backend.UCentre(kernel);
    return;
  }
  backend.DoubleCentre(kernel);
  if (bias == Bias::kLange) {
    backend.FillDiagonal(0.0, kernel);
  }
}

/// A kernel of one side and what P makes of it.
struct CentredKernel {
  KernelOfSide kernel;
  Matrix centred;
};

class KernelAlignment final : public Measure {
 public:
  KernelAlignment(MeasureInfo info,
                  PairwiseKernel kernel,
                  Bias bias,
                  Outcome outcome,
                  std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        kernel_(kernel),
        bias_(bias),
        outcome_(outcome) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.kernel = true;
    needs.reference_kernel = true;
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // Of each side the kernel and its centred form; of Laplace kernels the
    // distances as well.
    const int64_t square = size.rows * size.rows;
    const bool laplace = kernel_.kind == PairwiseKernel::Kind::kLaplace;
    return (laplace ? 6 : 4) * square + square / 4;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    Evaluation result;
    REPSCORE_ASSIGN_OR_RETURN(
        const CentredKernel candidate,
        Centre(statistics, Side::kCandidate, result.warnings));
    REPSCORE_ASSIGN_OR_RETURN(
        const CentredKernel reference,
        Centre(statistics, Side::kReference, result.warnings));
    const Matrix& k = candidate.centred;
    const Matrix& l = reference.centred;
    const std::vector<double> dots = backend.Dots({{{k, l}, {k, k}, {l, l}}});
    // dv = other_factor <P L, dK> + own_factor <P K, dK>, and with L for K.
    double other_factor = 0.0;
    double candidate_factor = 0.0;
    double reference_factor = 0.0;
    if (outcome_ == Outcome::kProduct) {
      const auto n = static_cast<double>(statistics.size.rows);
      other_factor = bias_ == Bias::kUnbiased ? 1.0 / (n * (n - 3.0))
                                              : 1.0 / ((n - 1.0) * (n - 1.0));
      result.value = other_factor * dots[0];
    } else {
      const double norms = std::sqrt(dots[1]) * std::sqrt(dots[2]);
      const double cosine = std::clamp(dots[0] / norms, Lowest(), 1.0);
      double slope = 1.0;
      result.value = cosine;
      if (outcome_ == Outcome::kRootOfCosine) {
        result.value = std::sqrt(cosine);
        slope = cosine > 0.0 ? 0.5 / result.value : 0.0;
      }
      other_factor = slope / norms;
      candidate_factor = -slope * cosine / dots[1];
      reference_factor = -slope * cosine / dots[2];
    }
    if (request.candidate) {
      result.adjoint.kernel =
          Derivative(backend, candidate, candidate_factor, l, other_factor);
    }
    if (request.reference) {
      result.adjoint.reference_kernel =
          Derivative(backend, reference, reference_factor, k, other_factor);
    }
    return result;
  }

 private:
  /// Biased kernels are positive semidefinite, or their negatives are.
  double Lowest() const { return bias_ == Bias::kBiased ? 0.0 : -1.0; }

  absl::StatusOr<CentredKernel> Centre(
      const Statistics& statistics,
      Side side,
      std::vector<MeasureWarning>& warnings) const {
    Backend& backend = *statistics.backend;
    REPSCORE_ASSIGN_OR_RETURN(
        KernelOfSide kernel,
        KernelOfSide::Create(kernel_, statistics, side, warnings));
    const Matrix& values = kernel.values();
    const Matrix centred =
        backend.Allocate(values.rows(), values.cols(), kDouble);
    backend.Copy(values, centred);
    if (bias_ == Bias::kUnbiased) {
      backend.FillDiagonal(0.0, centred);
    }
    const double before = backend.Dot(centred, centred);
    Project(backend, bias_, centred);
    const double after = backend.Dot(centred, centred);
    if (outcome_ != Outcome::kProduct &&
        !(after > kSmallestCentred * kSmallestCentred * before)) {
      return absl::InvalidArgumentError(
          StrCat(side == Side::kCandidate ? "candidate" : "reference",
                 ": all ",
                 statistics.size.rows,
                 " rows are equidistant for this kernel, so that ",
                 info_.id,
                 " is undefined"));
    }
    return CentredKernel{.kernel = std::move(kernel), .centred = centred};
  }

  Matrix Derivative(Backend& backend,
                    const CentredKernel& own,
                    double own_factor,
                    const Matrix& other,
                    double other_factor) const {
    const Matrix derivative = Scaled(backend, other_factor, other);
    backend.Axpby(own_factor, own.centred, 1.0, derivative);
    if (bias_ == Bias::kLange) {
      backend.DoubleCentre(derivative);
    }
    return own.kernel.PullBack(derivative);
  }

  const MeasureInfo info_;
  const PairwiseKernel kernel_;
  const Bias bias_;
  const Outcome outcome_;
};

/// `info` with the claims that the parameters change.
MeasureInfo ClaimsFor(MeasureInfo info,
                      const PairwiseKernel& kernel,
                      Bias bias,
                      Outcome outcome) {
  using Kind = PairwiseKernel::Kind;
  info.gradient_exact = !kernel.holds_bandwidth();
  info.invariances = {"orthogonal", "permutation", "translation"};
  const bool homogeneous =
      kernel.holds_bandwidth() || kernel.kind == Kind::kDistance ||
      (kernel.kind == Kind::kLinear && outcome != Outcome::kProduct);
  // An RBF of median bandwidth does not see the scale even in a product.
  if (homogeneous) {
    info.invariances.insert(info.invariances.begin() + 2, "scale");
  }
  info.lowest = bias == Bias::kBiased ? 0.0
                : outcome == Outcome::kProduct
                    ? -std::numeric_limits<double>::infinity()
                    : -1.0;
  info.minimum_rows = bias == Bias::kUnbiased ? 4 : 2;
  return info;
}

absl::StatusOr<std::shared_ptr<const Measure>> Make(
    const MeasureInfo& info,
    const PairwiseKernel& kernel,
    Bias bias,
    Outcome outcome,
    const Parameters& parameters) {
  return std::make_shared<KernelAlignment>(
      ClaimsFor(info, kernel, bias, outcome),
      kernel,
      bias,
      outcome,
      parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeKernelCka(
    const MeasureInfo& info, Parameters& parameters) {
  PairwiseKernel kernel;
  kernel.kind = info.id == "cka.laplace" ? PairwiseKernel::Kind::kLaplace
                                         : PairwiseKernel::Kind::kRbf;
  REPSCORE_ASSIGN_OR_RETURN(kernel.bandwidth,
                            Bandwidth::Parse(parameters.Text("bandwidth")));
  parameters.Replace("bandwidth", kernel.bandwidth.ToString());
  REPSCORE_ASSIGN_OR_RETURN(
      const int bias,
      parameters.Choice("bias", {"biased", "unbiased", "lange"}));
  return Make(
      info, kernel, static_cast<Bias>(bias), Outcome::kCosine, parameters);
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeDistanceCorrelation(
    const MeasureInfo& info, Parameters& parameters) {
  const PairwiseKernel kernel = {.kind = PairwiseKernel::Kind::kDistance,
                                 .bandwidth = {}};
  const bool unbiased = info.id == "dcor.unbiased";
  return Make(info,
              kernel,
              unbiased ? Bias::kUnbiased : Bias::kBiased,
              unbiased ? Outcome::kCosine : Outcome::kRootOfCosine,
              parameters);
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeHsic(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const PairwiseKernel kernel,
                            PairwiseKernel::Parse(parameters.Text("kernel")));
  parameters.Replace("kernel", kernel.ToString());
  REPSCORE_ASSIGN_OR_RETURN(const int bias,
                            parameters.Choice("bias", {"biased", "unbiased"}));
  return Make(
      info, kernel, static_cast<Bias>(bias), Outcome::kProduct, parameters);
}

constexpr std::string_view kBandwidthText =
    "s of each side: median_all(t), s^2 = t^2 median of all n^2 squared "
    "distances with the zero diagonal; median_offdiagonal(t), of different "
    "rows only; absolute(s). A median follows the rows at every step of an "
    "optimisation, and the gradient holds it fixed";

MeasureInfo GaussianCka() {
  return {
      .id = "cka.rbf",
      .aliases = {"cka_rbf"},
      .summary = "CKA of Gaussian kernels exp(-|x - y|^2 / (2 s^2))",
      .orientation = Orientation::kScore,
      .lowest = 0.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = true,
      .invariances = {"orthogonal", "permutation", "scale", "translation"},
      .parameters = {{.name = "bandwidth",
                      .default_value = "median_all(1)",
                      .description = kBandwidthText},
                     {.name = "bias",
                      .default_value = "biased",
                      .description =
                          "biased; unbiased: U-centred kernels, at least 4 "
                          "rows; lange: centred kernels without diagonal"}},
      .minimum_rows = 2,
      .source =
          "Kornblith et al. 2019, Similarity of neural network "
          "representations revisited",
      .examples = {"cka.rbf(bandwidth=absolute(3))",
                   "cka.rbf(bandwidth=absolute(4),bias=unbiased)",
                   "cka.rbf(bandwidth=absolute(3),bias=lange)",
                   "cka.rbf(bandwidth=median_offdiagonal(0.7),bias=unbiased)"},
      .cost = "n^2 (p + q)",
      .known_as = {"google-research representation_similarity: gram_rbf with "
                   "threshold t"},
      .gradient_exact = false};
}

MeasureInfo HsicFrom(MeasureInfo hsic) {
  hsic.id = "hsic";
  hsic.aliases = {};
  hsic.summary = "Hilbert-Schmidt independence criterion, not normalised";
  hsic.highest = std::numeric_limits<double>::infinity();
  hsic.exact_at_equality = false;
  hsic.invariances = {"orthogonal", "permutation", "translation"};
  hsic.parameters = {
      {.name = "bias",
       .default_value = "biased",
       .description = "biased: <HKH, L> / (n-1)^2; unbiased: Song et al. 2012, "
                      "eq. 5, at least 4 rows"},
      {.name = "kernel",
       .default_value = "linear",
       .description = "linear, rbf(bandwidth) or laplace(bandwidth) with the "
                      "bandwidths of cka.rbf"}};
  hsic.source =
      "Gretton et al. 2005, Measuring statistical dependence with "
      "Hilbert-Schmidt norms; Song et al. 2012";
  hsic.examples = {"hsic(bias=unbiased)",
                   "hsic(kernel=rbf(absolute(3)))",
                   "hsic(bias=unbiased,kernel=rbf(median_all(1)))"};
  hsic.known_as = {};
  hsic.gradient_exact = true;
  return hsic;
}

}  // namespace

std::vector<MeasureEntry> KernelAlignmentFamily() {
  const MeasureInfo rbf = GaussianCka();
  MeasureInfo laplace = rbf;
  laplace.id = "cka.laplace";
  laplace.aliases = {"cka_laplace"};
  laplace.summary =
      "CKA of Laplace kernels exp(-|x - y| / s) of Euclidean distances";
  laplace.source =
      "the formula of cka.rbf with the Euclidean Laplace kernel; published "
      "tables use other, unstated kernels of this name";
  laplace.examples = {"cka.laplace(bandwidth=absolute(3))",
                      "cka.laplace(bandwidth=absolute(4),bias=unbiased)"};
  laplace.known_as = {};
  MeasureInfo dcor = rbf;
  dcor.id = "dcor";
  dcor.aliases = {"distance_correlation"};
  dcor.summary =
      "distance correlation: root of the cosine of centred Euclidean distances";
  dcor.parameters = {};
  dcor.source =
      "Szekely, Rizzo & Bakirov 2007, Measuring and testing dependence by "
      "correlation of distances";
  dcor.examples = {};
  dcor.known_as = {"dcor: distance_correlation"};
  dcor.gradient_exact = true;
  MeasureInfo unbiased = dcor;
  unbiased.id = "dcor.unbiased";
  unbiased.aliases = {"dcor_unbiased"};
  unbiased.summary =
      "bias-corrected distance correlation: cosine of U-centred Euclidean "
      "distances, no root; may be negative";
  unbiased.lowest = -1.0;
  unbiased.minimum_rows = 4;
  unbiased.source =
      "Szekely & Rizzo 2014, Partial distance correlation with methods for "
      "dissimilarities";
  unbiased.known_as = {"dcor: u_distance_correlation_sqr"};
  return {{rbf, MakeKernelCka},
          {laplace, MakeKernelCka},
          {dcor, MakeDistanceCorrelation},
          {unbiased, MakeDistanceCorrelation},
          {HsicFrom(rbf), MakeHsic}};
}

}  // namespace repscore
