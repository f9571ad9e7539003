// The alpha family of angular shape distances (Williams et al. 2021), between
// canonical correlations (alpha 0) and Procrustes (alpha 1):
//
//   P(X) = X (alpha I + (1 - alpha) (X'X)^-1/2)
//   angle = acos( |P(X)'P(Y)|_* / (|P(X)| |P(Y)|) )
//
// Eigenvalues of X'X count as `eigen_floor` at least. With X = V diag(s) O' the
// rows of P(X) are E = V diag(s z), z = alpha + (1 - alpha) / s, up to O.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/angle.h"
#include "core/measures/families.h"
#include "core/measures/frame.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

struct ShapeParameters {
  double alpha = 0.5;
  double eigen_floor = 1e-7;
  bool unit_norm = true;
};

/// One side, partially whitened.
struct Whitened {
  Frame frame;            ///< values are those of the scaled rows
  double scale = 1.0;     ///< of the rows: 1/|X| or 1
  Eigen::VectorXd gains;  ///< z
  Matrix rows;            ///< E
  double squared = 0.0;   ///< |E|^2
};

class ShapeAngular final : public Measure {
 public:
  ShapeAngular(MeasureInfo info, ShapeParameters parameters, std::string id)
      : Measure(std::move(id)),
        info_(std::move(info)),
        parameters_(parameters) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.means = true;
    return needs;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy accuracy) const override {
    Backend& backend = *statistics.backend;
    const Whitened x = Whiten(statistics, Side::kCandidate);
    const Whitened y = Whiten(statistics, Side::kReference);
    const Matrix cross =
        Multiply(backend, Op::kTranspose, x.rows, Op::kNone, y.rows);
    const Matrix polar = backend.Allocate(cross.rows(), cross.cols(), kDouble);
    const double nuclear =
        backend.Polar(cross, PolarMethod::kSvd, polar).nuclear;
    const double norms = std::sqrt(x.squared) * std::sqrt(y.squared);
    const double v = std::min(nuclear / norms, 1.0);
    std::optional<double> angle;
    if (accuracy == Accuracy::kExact && NearOne(v)) {
      angle = AngleFromRows(backend, x, y);
    }
    const FormValue form = ApplyForm(CosineForm::kAngle, v, angle);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    WarnIfWhitenedToNothing(statistics.size.rows, x, y, result);
    if (form.at_optimum) {
      return result;
    }
    const Eigen::MatrixXd q = ToHost(backend, polar) * (form.slope / norms);
    if (request.candidate) {
      result.adjoint.candidate_rows =
          Derivative(backend, x, y.rows, q, form.slope * v / x.squared);
    }
    if (request.reference) {
      result.adjoint.reference_rows = Derivative(
          backend, y, x.rows, q.transpose(), form.slope * v / y.squared);
    }
    return result;
  }

 private:
  double Gain(double s) const {
    return parameters_.alpha +
           (1.0 - parameters_.alpha) /
               std::max(s, std::sqrt(parameters_.eigen_floor));
  }

  /// (h(w_a) - h(w_b)) / (w_a - w_b) of h(w) = w z^2, w = s^2.
  double Quotient(double a, double b) const {
    const double alpha = parameters_.alpha;
    const double floor = std::sqrt(parameters_.eigen_floor);
    if (a > floor && b > floor) {
      return alpha * (alpha + 2.0 * (1.0 - alpha) / (a + b));
    }
    const double flat = Gain(0.5 * floor);
    if (a <= floor && b <= floor) {
      return flat * flat;
    }
    const double h_a = a * Gain(a);
    const double h_b = b * Gain(b);
    return (h_a - h_b) * (h_a + h_b) / ((a - b) * (a + b));
  }

  Whitened Whiten(const Statistics& statistics, Side side) const {
    Whitened whitened;
    whitened.frame = CentredFrame(statistics, side);
    Eigen::VectorXd& s = whitened.frame.values;
    if (parameters_.unit_norm) {
      whitened.scale = 1.0 / s.norm();
      s *= whitened.scale;
    }
    whitened.gains = s.unaryExpr([this](double value) { return Gain(value); });
    const Eigen::VectorXd h = s.cwiseProduct(whitened.gains);
    whitened.rows = ScaledColumns(*statistics.backend, whitened.frame.left, h);
    whitened.squared = h.squaredNorm();
    return whitened;
  }

  /// Of slope * v by the rows of `own`; q = slope * dv / dC, and
  /// norm_share = slope * v / |E|^2.
  Matrix Derivative(Backend& backend,
                    const Whitened& own,
                    const Matrix& other,
                    const Eigen::MatrixXd& q,
                    double norm_share) const {
    const Frame& frame = own.frame;
    const Eigen::VectorXd& s = frame.values;
    const Eigen::MatrixXd quotients = Eigen::MatrixXd::NullaryExpr(
        s.size(), s.size(), [&](Eigen::Index i, Eigen::Index j) {
          return Quotient(s(i), s(j));
        });
    Matrix derivative =
        FramePullBack(backend, frame, own.gains, quotients, other, q);
    // d|E|^2 / 2 = V diag(h' s) O'
    Eigen::VectorXd along = -norm_share * quotients.diagonal().cwiseProduct(s);
    if (parameters_.unit_norm) {
      // Of X / |X|: the part along X itself is removed.
      const Matrix rows = Multiply(backend,
                                   Op::kNone,
                                   ScaledColumns(backend, frame.left, s),
                                   Op::kNone,
                                   frame.right);
      along -= (backend.Dot(derivative, rows) + along.dot(s)) * s;
    }
    backend.Gemm(Op::kNone,
                 Op::kNone,
                 own.scale,
                 ScaledColumns(backend, frame.left, along),
                 frame.right,
                 own.scale,
                 derivative);
    return derivative;
  }

  /// 2 asin(|E/|E| - F/|F| Q'| / 2)
  static std::optional<double> AngleFromRows(Backend& backend,
                                             const Whitened& x,
                                             const Whitened& y) {
    Statistics whitened;
    whitened.backend = &backend;
    whitened.candidate_rows = x.rows;
    whitened.reference_rows = y.rows;
    const std::optional<AlignedRows> rows = AlignRows(
        whitened, 1.0 / std::sqrt(x.squared), 1.0 / std::sqrt(y.squared));
    if (!rows.has_value()) {
      return std::nullopt;
    }
    const double norm =
        std::sqrt(backend.Dot(rows->difference, rows->difference));
    return 2.0 * std::asin(std::min(1.0, norm / 2.0));
  }

  void WarnIfWhitenedToNothing(int64_t n,
                               const Whitened& x,
                               const Whitened& y,
                               Evaluation& result) const {
    const int64_t widest = std::max(x.frame.rank(), y.frame.rank());
    if (parameters_.alpha == 0.0 && widest >= n - 1) {
      result.warnings.push_back(
          {.reason = "SATURATED",
           .message = StrCat("a side has rank ",
                             widest,
                             " with ",
                             n,
                             " rows: at alpha=0 the angle depends on the "
                             "ranks only, and is 0 between two such sides")});
    }
  }

  const MeasureInfo info_;
  const ShapeParameters parameters_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeShapeAngular(
    const MeasureInfo& info, Parameters& parameters) {
  ShapeParameters shape;
  REPSCORE_ASSIGN_OR_RETURN(shape.alpha, parameters.Number("alpha", 0.0, 1.0));
  REPSCORE_ASSIGN_OR_RETURN(shape.eigen_floor,
                            parameters.Number("eigen_floor", 0.0, 1e300));
  REPSCORE_ASSIGN_OR_RETURN(const int scale,
                            parameters.Choice("scale", {"unit_norm", "raw"}));
  shape.unit_norm = scale == 0;
  MeasureInfo own = info;
  own.invariances = {"orthogonal", "permutation", "translation"};
  if (shape.unit_norm || shape.alpha == 0.0 || shape.alpha == 1.0) {
    own.invariances.push_back("scale");
  }
  if (shape.alpha == 0.0) {
    own.invariances.push_back("invertible");
  }
  return std::make_shared<ShapeAngular>(
      std::move(own), shape, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> ShapeAngularFamily() {
  return {
      {{.id = "shape.angular",
        .aliases = {"shape_angular", "shape"},
        .summary = "angle between partially whitened rows, in radians: "
                   "Procrustes at alpha=1, canonical correlations at alpha=0",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numbers::pi / 2.0,
        .symmetric = true,
        .metric = true,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters =
            {{.name = "alpha",
              .default_value = "0.5",
              .description = "from 0 (whitened) to 1 (as they are)"},
             {.name = "eigen_floor",
              .default_value = "1e-7",
              .description = "eigenvalues of X'X count as this at least"},
             {.name = "scale",
              .default_value = "unit_norm",
              .description = "unit_norm (rows are divided by their Frobenius "
                             "norm first) or raw (netrep; depends on scale "
                             "and number of rows for 0 < alpha < 1)"}},
        .minimum_rows = 2,
        .source = "Williams et al. 2021, Generalized shape metrics on neural "
                  "representations",
        .examples = {"shape.angular(alpha=0)",
                     "shape.angular(alpha=1)",
                     "shape.angular(alpha=0.25,scale=raw)"},
        .cost = "n p min(n, p) for a thin SVD of each side",
        .known_as = {"netrep: LinearMetric(alpha), scale=raw"}},
       MakeShapeAngular}};
}

}  // namespace repscore
