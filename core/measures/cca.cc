// Canonical correlations (Hotelling 1936): singular values rho of V'W, where V
// and W are orthonormal bases of the rows of both sides, by rank-revealing thin
// singular value decompositions X = V diag(s) O', Y = W diag(t) P'.
//
//   cca     mean of rho or rho^2 over min(rank X, rank Y) pairs
//   d mean rho^2 / dX = (2/m) (I - VV') WW'V diag(1/s) O'
#include <algorithm>
#include <cmath>
#include <memory>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/frame.h"

namespace repscore {
namespace {

double NuclearNorm(Backend& backend, const Matrix& a) {
  const Matrix q = backend.Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  return backend.Polar(a, PolarMethod::kSvd, q).nuclear;
}

class Cca final : public Measure {
 public:
  Cca(MeasureInfo info, bool centred, bool squared, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        centred_(centred),
        squared_(squared) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.means = true;
    // Rotations of the reference that stand in for it are of centred rows.
    needs.full_reference = !centred_;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const Frame x = Basis(statistics, Side::kCandidate);
    const Frame y = Basis(statistics, Side::kReference);
    const Matrix cross =
        Multiply(backend, Op::kTranspose, x.left, Op::kNone, y.left);
    const auto pairs = static_cast<double>(std::min(x.rank(), y.rank()));
    Evaluation result;
    const double sum =
        squared_ ? backend.Dot(cross, cross) : NuclearNorm(backend, cross);
    result.value = std::clamp(sum / pairs, 0.0, 1.0);
    WarnIfSaturated(statistics.size.rows - (centred_ ? 1 : 0), x, y, result);
    if (!squared_ || !(request.candidate || request.reference)) {
      return result;
    }
    const Eigen::MatrixXd slope = ToHost(backend, cross) * (2.0 / pairs);
    if (request.candidate) {
      AddDerivative(
          backend, Side::kCandidate, x, y.left, slope, result.adjoint);
    }
    if (request.reference) {
      AddDerivative(backend,
                    Side::kReference,
                    y,
                    x.left,
                    slope.transpose(),
                    result.adjoint);
    }
    return result;
  }

 private:
  Frame Basis(const Statistics& statistics, Side side) const {
    return centred_ ? CentredFrame(statistics, side)
                    : FrameOf(*statistics.backend,
                              ToBackend(*statistics.backend,
                                        RawRows(statistics, side)),
                              0.0);
  }

  void AddDerivative(Backend& backend,
                     Side side,
                     const Frame& frame,
                     const Matrix& other,
                     const Eigen::MatrixXd& slope,
                     Adjoint& adjoint) const {
    // h(w) = 1 for every direction: gains 1/s, quotients 0.
    const Matrix derivative =
        FramePullBack(backend,
                      frame,
                      frame.values.cwiseInverse(),
                      Eigen::MatrixXd::Zero(frame.rank(), frame.rank()),
                      other,
                      slope);
    if (!centred_) {
      AddRawRows(backend, side, ToHost(backend, derivative), adjoint);
    } else if (side == Side::kCandidate) {
      adjoint.candidate_rows = derivative;
    } else {
      adjoint.reference_rows = derivative;
    }
  }

  static void WarnIfSaturated(int64_t directions,
                              const Frame& x,
                              const Frame& y,
                              Evaluation& result) {
    const int64_t forced = x.rank() + y.rank() - directions;
    if (forced > 0) {
      result.warnings.push_back(
          {.reason = "SATURATED",
           .message = StrCat("candidate and reference have ranks ",
                             x.rank(),
                             " and ",
                             y.rank(),
                             " of at most ",
                             directions,
                             ": at least ",
                             forced,
                             " correlations are 1 for any data")});
    }
  }

  const MeasureInfo info_;
  const bool centred_;
  const bool squared_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeCca(const MeasureInfo& info,
                                                       Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int centring,
                            parameters.Choice("centring", {"column", "none"}));
  REPSCORE_ASSIGN_OR_RETURN(
      const int statistic,
      parameters.Choice("statistic", {"mean_rho", "mean_rho2"}));
  MeasureInfo own = info;
  own.differentiable = statistic == 1;
  if (centring == 1) {
    own.invariances = {"orthogonal", "permutation", "scale", "invertible"};
  }
  return std::make_shared<Cca>(
      std::move(own), centring == 0, statistic == 1, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> CcaFamily() {
  return {
      {{.id = "cca",
        .aliases = {},
        .summary = "mean canonical correlation",
        .orientation = Orientation::kScore,
        .lowest = 0.0,
        .highest = 1.0,
        .symmetric = true,
        .metric = false,
        .differentiable = false,
        .invariances =
            {"orthogonal", "permutation", "scale", "translation", "invertible"},
        .parameters = {{.name = "centring",
                        .default_value = "column",
                        .description = "column (means are removed) or none"},
                       {.name = "statistic",
                        .default_value = "mean_rho",
                        .description = "mean_rho or mean_rho2 (squared "
                                       "correlations; differentiable)"}},
        .minimum_rows = 2,
        .source = "Hotelling 1936; Raghu et al. 2017; Kornblith et al. 2019",
        .examples = {"cca(statistic=mean_rho2)",
                     "cca(centring=none)",
                     "cca(centring=none,statistic=mean_rho2)"},
        .cost = "n p min(n, p) for a thin SVD of each side",
        .known_as = {"google-research representation_similarity: cca, "
                     "centring=none, statistic=mean_rho2",
                     "anatome: cca_by_svd"}},
       MakeCca}};
}

}  // namespace repscore
