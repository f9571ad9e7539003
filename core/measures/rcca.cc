// Canonical correlations with ridges kappa n on both sides: singular values of
//
//   C = (A + kI)^-1/2 M (B + kI)^-1/2,   k = kappa n,
//
// summed over min(p, q, n - 1) pairs. No gaps between them enter the gradient.
//   feature space: from A, M and B
//   sample space:  C = E'F from the singular values of the rows, frame.h with
//                  z = (w + k)^-1/2, h(w) = w / (w + k)
#include <algorithm>
#include <cmath>
#include <memory>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/measures/families.h"
#include "core/measures/frame.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

struct Shrunk {
  Frame frame;
  Eigen::VectorXd gains;
  Matrix rows;  ///< E
};

class RegularisedCca final : public Measure {
 public:
  RegularisedCca(const MeasureInfo& info,
                 double kappa,
                 bool squared,
                 std::string id)
      : Measure(std::move(id)), info_(info), kappa_(kappa), squared_(squared) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& size) const override {
    StatisticsNeeds needs;
    needs.exact_gram = true;
    if (size.space == Space::kFeature) {
      needs.gram = true;
      needs.cross = true;
      needs.reference_gram = true;
    } else {
      needs.candidate_rows = true;
      needs.reference_rows = true;
      needs.means = true;
    }
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    return statistics.size.space == Space::kFeature
               ? InFeatureSpace(statistics, request)
               : InSampleSpace(statistics, request);
  }

 private:
  double Ridge(const ProblemSize& size) const {
    return kappa_ * static_cast<double>(size.rows);
  }

  /// The statistic of C into `value`; returns d value / dC.
  Matrix Summarise(Backend& backend,
                   const ProblemSize& size,
                   const Matrix& cross,
                   double& value) const {
    const auto pairs = static_cast<double>(std::min(
        {size.candidate_features, size.reference_features, size.rows - 1}));
    if (squared_) {
      value = std::clamp(backend.Dot(cross, cross) / pairs, 0.0, 1.0);
      return Scaled(backend, 2.0 / pairs, cross);
    }
    const Matrix polar = backend.Allocate(cross.rows(), cross.cols(), kDouble);
    const double nuclear =
        backend.Polar(cross, PolarMethod::kSvd, polar).nuclear;
    value = std::clamp(nuclear / pairs, 0.0, 1.0);
    return Scaled(backend, 1.0 / pairs, polar);
  }

  /// T = V diag((w + k)^-1/2) of a Gram matrix: T'(G + kI)T = I.
  static Matrix InverseRoot(Backend& backend, const Matrix& gram, double k) {
    const Matrix vectors = backend.Allocate(gram.rows(), gram.cols(), kDouble);
    backend.Copy(gram, vectors);
    const std::vector<double> values = backend.SymmetricEigen(vectors);
    Eigen::VectorXd factors(gram.cols());
    for (int64_t j = 0; j < gram.cols(); ++j) {
      factors(j) =
          1.0 / std::sqrt(std::max(values[static_cast<size_t>(j)], 0.0) + k);
    }
    return ScaledColumns(backend, vectors, factors);
  }

  /// -1/2 T (dC C') T', symmetric: dC is C or its polar factor.
  static Matrix GramAdjoint(Backend& backend,
                            const Matrix& root,
                            const Matrix& inner) {
    const Matrix product =
        Multiply(backend,
                 Op::kNone,
                 root,
                 Op::kTranspose,
                 Multiply(backend, Op::kNone, root, Op::kTranspose, inner));
    Matrix adjoint = backend.Allocate(product.rows(), product.cols(), kDouble);
    backend.Transpose(product, adjoint);
    backend.Axpby(-0.25, product, -0.25, adjoint);
    return adjoint;
  }

  absl::StatusOr<Evaluation> InFeatureSpace(const Statistics& statistics,
                                            AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const double k = Ridge(statistics.size);
    const Matrix x = InverseRoot(backend, statistics.gram, k);
    const Matrix y = InverseRoot(backend, statistics.reference_gram, k);
    const Matrix cross = Multiply(
        backend,
        Op::kNone,
        Multiply(backend, Op::kTranspose, x, Op::kNone, statistics.cross),
        Op::kNone,
        y);
    Evaluation result;
    const Matrix slope =
        Summarise(backend, statistics.size, cross, result.value);
    if (request.candidate || request.reference) {
      result.adjoint.cross =
          Multiply(backend,
                   Op::kNone,
                   Multiply(backend, Op::kNone, x, Op::kNone, slope),
                   Op::kTranspose,
                   y);
    }
    if (request.candidate) {
      result.adjoint.gram = GramAdjoint(
          backend,
          x,
          Multiply(backend, Op::kNone, cross, Op::kTranspose, slope));
    }
    if (request.reference) {
      result.adjoint.reference_gram = GramAdjoint(
          backend,
          y,
          Multiply(backend, Op::kTranspose, cross, Op::kNone, slope));
    }
    return result;
  }

  static Shrunk Shrink(const Statistics& statistics, Side side, double k) {
    Shrunk shrunk;
    shrunk.frame = CentredFrame(statistics, side);
    const Eigen::ArrayXd s = shrunk.frame.values.array();
    shrunk.gains = (s.square() + k).rsqrt();
    shrunk.rows = ScaledColumns(
        *statistics.backend, shrunk.frame.left, s * shrunk.gains.array());
    return shrunk;
  }

  absl::StatusOr<Evaluation> InSampleSpace(const Statistics& statistics,
                                           AdjointRequest request) const {
    Backend& backend = *statistics.backend;
    const double k = Ridge(statistics.size);
    const Shrunk x = Shrink(statistics, Side::kCandidate, k);
    const Shrunk y = Shrink(statistics, Side::kReference, k);
    const Matrix cross =
        Multiply(backend, Op::kTranspose, x.rows, Op::kNone, y.rows);
    Evaluation result;
    const Matrix slope =
        Summarise(backend, statistics.size, cross, result.value);
    if (!request.candidate && !request.reference) {
      return result;
    }
    const Eigen::MatrixXd d = ToHost(backend, slope);
    const auto pull_back = [&](const Shrunk& own,
                               const Matrix& other,
                               const Eigen::MatrixXd& cross_adjoint) {
      // (h_i - h_j) / (w_i - w_j) = k / ((w_i + k)(w_j + k))
      const Eigen::VectorXd z2 = own.gains.cwiseAbs2();
      return FramePullBack(backend,
                           own.frame,
                           own.gains,
                           k * z2 * z2.transpose(),
                           other,
                           cross_adjoint);
    };
    if (request.candidate) {
      result.adjoint.candidate_rows = pull_back(x, y.rows, d);
    }
    if (request.reference) {
      result.adjoint.reference_rows = pull_back(y, x.rows, d.transpose());
    }
    return result;
  }

  const MeasureInfo& info_;
  const double kappa_;
  const bool squared_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeRegularisedCca(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const double kappa,
                            parameters.Number("kappa", 0.0, 1e300));
  REPSCORE_ASSIGN_OR_RETURN(const int statistic,
                            parameters.Choice("statistic", {"rho", "rho2"}));
  if (kappa == 0.0) {
    return absl::InvalidArgumentError(
        "kappa=0 is not regularised: ask for cca instead");
  }
  return std::make_shared<RegularisedCca>(
      info, kappa, statistic == 1, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> RegularisedCcaFamily() {
  return {{{.id = "rcca",
            .aliases = {},
            .summary = "mean canonical correlation with a ridge on both sides",
            .orientation = Orientation::kScore,
            .lowest = 0.0,
            .highest = 1.0,
            .exact_at_equality = false,
            .symmetric = true,
            .metric = false,
            .differentiable = true,
            .invariances = {"orthogonal", "permutation", "translation"},
            .parameters = {{.name = "kappa",
                            .default_value = "0.01",
                            .description =
                                "above 0; kappa times the number of rows is "
                                "added to both Gram matrices"},
                           {.name = "statistic",
                            .default_value = "rho",
                            .description =
                                "rho (mean correlation) or rho2 (mean squared "
                                "correlation), over min(p, q, n - 1) pairs"}},
            .minimum_rows = 2,
            .source = "Vinod 1976, Canonical ridge",
            .examples = {"rcca(kappa=0.1,statistic=rho2)"},
            .cost = "n p (p + q) + p^3 + q^3"},
           MakeRegularisedCca}};
}

}  // namespace repscore
