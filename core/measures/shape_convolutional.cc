// Convolutional shape distance (Williams et al. 2021): features are a map of
// height x width positions with c channels; the reference may be shifted
// circularly over the map and its channels rotated,
//
//   angle = min over shifts s of acos( |M_s|_* / (|X| |Y|) ),
//   M_s(a, b) = sum over rows and positions z of X(z, a) Y(z + s, b)
//
// The cross products of all shifts come from one product per frequency of the
// discrete Fourier transforms over positions.
#include <algorithm>
#include <cmath>
#include <complex>
#include <memory>
#include <numbers>
#include <optional>
#include <utility>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/angle.h"
#include "core/measures/families.h"
#include "core/measures/host.h"

namespace repscore {
namespace {

constexpr int64_t kLargestSide = 4096;

struct MapShape {
  int64_t height = 1;
  int64_t width = 1;
  bool channels_last = true;

  int64_t positions() const { return height * width; }
  /// Feature of a position and a channel, of `channels`.
  int64_t Feature(int64_t position, int64_t channel, int64_t channels) const {
    return channels_last ? position * channels + channel
                         : channel * positions() + position;
  }
  /// Position `z` moved by shift `s`, both as y * width + x.
  int64_t Moved(int64_t z, int64_t s) const {
    const int64_t y = (z / width + s / width) % height;
    const int64_t x = (z % width + s % width) % width;
    return y * width + x;
  }
};

/// exp(sign 2 pi i j k / size).
Eigen::MatrixXcd Fourier(int64_t size, double sign) {
  return Eigen::MatrixXcd::NullaryExpr(
      size, size, [&](Eigen::Index j, Eigen::Index k) {
        const auto turn =
            static_cast<double>((j * k) % size) / static_cast<double>(size);
        return std::polar(1.0, sign * 2.0 * std::numbers::pi * turn);
      });
}

/// Transforms every row of `maps` [any x positions] in place.
void Transform(const MapShape& shape, double sign, Eigen::MatrixXcd& maps) {
  const Eigen::MatrixXcd across = Fourier(shape.width, sign);
  const Eigen::MatrixXcd down = Fourier(shape.height, sign);
  for (int64_t y = 0; y < shape.height; ++y) {
    auto line = maps.middleCols(y * shape.width, shape.width);
    line = (line * across).eval();
  }
  Eigen::MatrixXcd column(maps.rows(), shape.height);
  for (int64_t x = 0; x < shape.width; ++x) {
    for (int64_t y = 0; y < shape.height; ++y) {
      column.col(y) = maps.col(y * shape.width + x);
    }
    column = (column * down).eval();
    for (int64_t y = 0; y < shape.height; ++y) {
      maps.col(y * shape.width + x) = column.col(y);
    }
  }
}

/// Rows [n x features] as [n * positions x channels], position z of the
/// reference taken from z + shift.
Eigen::MatrixXd Folded(const MapShape& shape,
                       const Eigen::MatrixXd& rows,
                       int64_t shift) {
  const int64_t n = rows.rows();
  const int64_t channels = rows.cols() / shape.positions();
  Eigen::MatrixXd folded(n * shape.positions(), channels);
  for (int64_t z = 0; z < shape.positions(); ++z) {
    const int64_t from = shape.Moved(z, shift);
    for (int64_t a = 0; a < channels; ++a) {
      folded.col(a).segment(z * n, n) =
          rows.col(shape.Feature(from, a, channels));
    }
  }
  return folded;
}

/// The inverse of Folded.
Eigen::MatrixXd Unfolded(const MapShape& shape,
                         const Eigen::MatrixXd& folded,
                         int64_t shift) {
  const int64_t n = folded.rows() / shape.positions();
  const int64_t channels = folded.cols();
  Eigen::MatrixXd rows(n, shape.positions() * channels);
  for (int64_t z = 0; z < shape.positions(); ++z) {
    const int64_t to = shape.Moved(z, shift);
    for (int64_t a = 0; a < channels; ++a) {
      rows.col(shape.Feature(to, a, channels)) =
          folded.col(a).segment(z * n, n);
    }
  }
  return rows;
}

/// One [n x channels] matrix per frequency, side by side.
Eigen::MatrixXcd Spectra(const MapShape& shape, const Eigen::MatrixXd& rows) {
  const int64_t channels = rows.cols() / shape.positions();
  Eigen::MatrixXcd spectra(rows.rows(), rows.cols());
  Eigen::MatrixXcd maps(rows.rows(), shape.positions());
  for (int64_t a = 0; a < channels; ++a) {
    for (int64_t z = 0; z < shape.positions(); ++z) {
      maps.col(z) =
          rows.col(shape.Feature(z, a, channels)).cast<std::complex<double>>();
    }
    Transform(shape, -1.0, maps);
    for (int64_t f = 0; f < shape.positions(); ++f) {
      spectra.col(f * channels + a) = maps.col(f);
    }
  }
  return spectra;
}

/// M_s of every shift, one column [channels * other channels] each.
Eigen::MatrixXd ShiftedCrossProducts(const MapShape& shape,
                                     const Eigen::MatrixXd& x,
                                     const Eigen::MatrixXd& y) {
  const int64_t positions = shape.positions();
  const int64_t c = x.cols() / positions;
  const int64_t d = y.cols() / positions;
  if (positions == 1) {
    const Eigen::MatrixXd cross = x.transpose() * y;
    return Eigen::Map<const Eigen::VectorXd>(cross.data(), cross.size());
  }
  const Eigen::MatrixXcd x_spectra = Spectra(shape, x);
  const Eigen::MatrixXcd y_spectra = Spectra(shape, y);
  Eigen::MatrixXcd products(c * d, positions);
  for (int64_t f = 0; f < positions; ++f) {
    const Eigen::MatrixXcd product = x_spectra.middleCols(f * c, c).adjoint() *
                                     y_spectra.middleCols(f * d, d);
    products.col(f) =
        Eigen::Map<const Eigen::VectorXcd>(product.data(), product.size());
  }
  Transform(shape, 1.0, products);
  return products.real() / static_cast<double>(positions);
}

class Convolutional final : public Measure {
 public:
  Convolutional(MeasureInfo info, MapShape shape, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), shape_(shape) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.full_reference = true;
    return needs;
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(Measure::CheckSize(size));
    if (size.candidate_features % shape_.positions() != 0 ||
        size.reference_features % shape_.positions() != 0) {
      return absl::InvalidArgumentError(
          StrCat("shape.convolutional has height=",
                 shape_.height,
                 ",width=",
                 shape_.width,
                 ", but ",
                 size.candidate_features,
                 " candidate and ",
                 size.reference_features,
                 " reference features are not both multiples of ",
                 shape_.positions()));
    }
    return absl::OkStatus();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // Both sides on the host, and the spectrum of one.
    return 3 * size.rows * (size.candidate_features + size.reference_features) /
           2;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest request,
                                      Accuracy /*accuracy*/) const override {
    Backend& backend = *statistics.backend;
    const Eigen::MatrixXd x = CentredRows(statistics, Side::kCandidate);
    const Eigen::MatrixXd y = CentredRows(statistics, Side::kReference);
    const double x_norm = x.norm();
    const double y_norm = y.norm();
    Best best = FindShift(backend, x, y);
    const double v = std::min(best.nuclear / (x_norm * y_norm), 1.0);
    std::optional<double> angle;
    if (NearOne(v)) {
      angle = AngleFromRows(backend, x / x_norm, y / y_norm, best.shift);
    }
    const FormValue form = ApplyForm(CosineForm::kAngle, v, angle);
    Evaluation result;
    result.value = form.value;
    result.at_optimum = form.at_optimum;
    if (form.at_optimum) {
      return result;
    }
    // dX = Y_s Q' / (|X| |Y|) - (v / |X|^2) X, the best shift held fixed
    const double scale = form.slope / (x_norm * y_norm);
    if (request.candidate) {
      const Eigen::MatrixXd rows = Unfolded(
          shape_, Folded(shape_, y, best.shift) * best.polar.transpose(), 0);
      result.adjoint.candidate_rows = ToBackend(
          backend, scale * rows - (form.slope * v / (x_norm * x_norm)) * x);
    }
    if (request.reference) {
      const Eigen::MatrixXd rows =
          Unfolded(shape_, Folded(shape_, x, 0) * best.polar, best.shift);
      result.adjoint.reference_rows = ToBackend(
          backend, scale * rows - (form.slope * v / (y_norm * y_norm)) * y);
    }
    return result;
  }

 private:
  struct Best {
    int64_t shift = 0;
    double nuclear = -1.0;
    Eigen::MatrixXd polar;
  };

  Best FindShift(Backend& backend,
                 const Eigen::MatrixXd& x,
                 const Eigen::MatrixXd& y) const {
    const Eigen::MatrixXd products = ShiftedCrossProducts(shape_, x, y);
    const int64_t c = x.cols() / shape_.positions();
    const int64_t d = y.cols() / shape_.positions();
    const Matrix polar = backend.Allocate(c, d, ScalarType::kFloat64);
    Best best;
    for (int64_t s = 0; s < products.cols(); ++s) {
      const Eigen::MatrixXd cross =
          Eigen::Map<const Eigen::MatrixXd>(products.col(s).data(), c, d);
      const double nuclear =
          backend.Polar(ToBackend(backend, cross), PolarMethod::kSvd, polar)
              .nuclear;
      if (nuclear > best.nuclear) {
        best = {
            .shift = s, .nuclear = nuclear, .polar = ToHost(backend, polar)};
      }
    }
    return best;
  }

  /// 2 asin(|X/|X| - Y_s/|Y| Q'| / 2)
  std::optional<double> AngleFromRows(Backend& backend,
                                      const Eigen::MatrixXd& x,
                                      const Eigen::MatrixXd& y,
                                      int64_t shift) const {
    Statistics folded;
    folded.backend = &backend;
    folded.candidate_rows = ToBackend(backend, Folded(shape_, x, 0));
    folded.reference_rows = ToBackend(backend, Folded(shape_, y, shift));
    const std::optional<AlignedRows> rows = AlignRows(folded, 1.0, 1.0);
    if (!rows.has_value()) {
      return std::nullopt;
    }
    const double norm =
        std::sqrt(backend.Dot(rows->difference, rows->difference));
    return 2.0 * std::asin(std::min(1.0, norm / 2.0));
  }

  const MeasureInfo info_;
  const MapShape shape_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeConvolutional(
    const MeasureInfo& info, Parameters& parameters) {
  MapShape shape;
  REPSCORE_ASSIGN_OR_RETURN(shape.height,
                            parameters.Integer("height", 1, kLargestSide));
  REPSCORE_ASSIGN_OR_RETURN(
      const int layout,
      parameters.Choice("layout", {"channels_last", "channels_first"}));
  REPSCORE_ASSIGN_OR_RETURN(shape.width,
                            parameters.Integer("width", 1, kLargestSide));
  shape.channels_last = layout == 0;
  MeasureInfo own = info;
  if (shape.positions() > 1) {
    own.invariances = {"scale", "translation"};
  }
  return std::make_shared<Convolutional>(
      std::move(own), shape, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> ConvolutionalFamily() {
  return {
      {{.id = "shape.convolutional",
        .aliases = {},
        .summary = "angle after the best circular shift of a feature map and "
                   "rotation of its channels, in radians",
        .orientation = Orientation::kDistance,
        .lowest = 0.0,
        .highest = std::numbers::pi / 2.0,
        .symmetric = true,
        .metric = true,
        .differentiable = true,
        .invariances = {"orthogonal", "permutation", "scale", "translation"},
        .parameters =
            {{.name = "height",
              .default_value = "1",
              .description = "rows of the map; features are height * width * "
                             "channels"},
             {.name = "layout",
              .default_value = "channels_last",
              .description = "channels_last (height, width, channel) or "
                             "channels_first (channel, height, width)"},
             {.name = "width",
              .default_value = "1",
              .description = "columns of the map; 1 x 1 has no shifts and is "
                             "procrustes.angle"}},
        .minimum_rows = 2,
        .source = "Williams et al. 2021, Generalized shape metrics on neural "
                  "representations, section on convolutional layers",
        .cost = "n c h w (h + w + c') for c and c' channels, and h w SVDs of "
                "c x c'"},
       MakeConvolutional}};
}

}  // namespace repscore
