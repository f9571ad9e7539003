#include "core/measures/predict_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/measures/host.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Below this many operations a product is not worth a trip to the backend.
constexpr double kSmallProduct = 4e6;
// Centring a constant column leaves a few units in the last place per entry.
constexpr double kConstant = 8 * std::numeric_limits<double>::epsilon();
// A target that varies less than this against its norm over all rows.
constexpr double kSmallestVariation = 1e-26;
// What is left of a unit's squared norm without the held-out rows is rounding.
constexpr double kCancelled = 1e-13;
// Columns that are on the host at once.
constexpr int64_t kColumnBlock = 256;

using Eigen::MatrixXd;
using Eigen::RowVectorXd;
using Eigen::VectorXd;

std::vector<int64_t> Complement(const std::vector<int64_t>& rows, int64_t n) {
  std::vector<bool> in(static_cast<size_t>(n), false);
  for (const int64_t row : rows) {
    in[static_cast<size_t>(row)] = true;
  }
  std::vector<int64_t> rest;
  for (int64_t i = 0; i < n; ++i) {
    if (!in[static_cast<size_t>(i)]) {
      rest.push_back(i);
    }
  }
  return rest;
}

MatrixXd Gather(const MatrixXd& a, const std::vector<int64_t>& rows) {
  return a(rows, Eigen::all);
}

VectorXd ColumnSquares(Backend& backend, const Matrix& a) {
  VectorXd squares(a.cols());
  for (int64_t j = 0; j < a.cols(); j += kColumnBlock) {
    const int64_t count = std::min(kColumnBlock, a.cols() - j);
    squares.segment(j, count) =
        ToHost(backend, a.Columns(j, count)).colwise().squaredNorm();
  }
  return squares;
}

/// Squared norms that centring leaves of constant columns.
VectorXd FloorsOf(Backend& backend, const MatrixXd& rows, const Matrix& means) {
  VectorXd floors =
      kSmallestVariation * rows.colwise().squaredNorm().transpose();
  if (!means.empty()) {
    floors += static_cast<double>(rows.rows()) * kConstant * kConstant *
              ToHost(backend, means).cwiseAbs2();
  }
  return floors;
}

}  // namespace

MatrixXd Multiply(
    Backend& backend, Op a_op, const MatrixXd& a, Op b_op, const MatrixXd& b) {
  const int64_t rows = a_op == Op::kNone ? a.rows() : a.cols();
  const int64_t inner = a_op == Op::kNone ? a.cols() : a.rows();
  const int64_t cols = b_op == Op::kNone ? b.cols() : b.rows();
  const double work = static_cast<double>(rows) * static_cast<double>(inner) *
                      static_cast<double>(cols);
  if (work < kSmallProduct) {
    if (a_op == Op::kNone) {
      return b_op == Op::kNone ? MatrixXd(a * b) : MatrixXd(a * b.transpose());
    }
    return b_op == Op::kNone ? MatrixXd(a.transpose() * b)
                             : MatrixXd(a.transpose() * b.transpose());
  }
  const Matrix product = backend.Allocate(rows, cols, kDouble);
  backend.Gemm(a_op,
               b_op,
               1.0,
               ToBackend(backend, a),
               ToBackend(backend, b),
               0.0,
               product);
  return ToHost(backend, product);
}

MatrixXd GramOf(Backend& backend, const MatrixXd& a) {
  const Matrix product = backend.Allocate(a.cols(), a.cols(), kDouble);
  if (a.rows() == 0) {
    return MatrixXd::Zero(a.cols(), a.cols());
  }
  backend.Syrk(Op::kTranspose, 1.0, ToBackend(backend, a), 0.0, product);
  return ToHost(backend, product);
}

HostSpectrum SpectrumOf(Backend& backend, const MatrixXd& a) {
  const Spectrum spectrum = PositiveSpectrum(backend, ToBackend(backend, a));
  HostSpectrum host;
  host.vectors = ToHost(backend, spectrum.vectors);
  host.values = Eigen::Map<const VectorXd>(
      spectrum.values.data(), static_cast<int64_t>(spectrum.values.size()));
  return host;
}

PredictionRows::PredictionRows(const Statistics& statistics, PredictorForm form)
    : backend_(*statistics.backend),
      form_(form),
      original_rows_(statistics.original_rows),
      features_(statistics.size.candidate_features),
      y_(CentredRows(statistics, Side::kReference)) {
  if (form == PredictorForm::kKernel) {
    products_ = ToHost(backend_, statistics.kernel);
  } else if (by_columns()) {
    columns_ = Widened(backend_, statistics.candidate_rows);
    if (form == PredictorForm::kRoot) {
      columns_ = backend_.CompressColumns(columns_);
    }
    squares_ = ColumnSquares(backend_, columns_);
    const Matrix cross = backend_.Allocate(columns_.cols(), y_.cols(), kDouble);
    backend_.Gemm(Op::kTranspose,
                  Op::kNone,
                  1.0,
                  columns_,
                  ToBackend(backend_, y_),
                  0.0,
                  cross);
    cross_ = ToHost(backend_, cross);
  } else {
    x_ = CentredRows(statistics, Side::kCandidate);
  }
  if (form == PredictorForm::kFeature) {
    products_ = statistics.gram.empty() ? GramOf(backend_, x_)
                                        : ToHost(backend_, statistics.gram);
    cross_ = Multiply(backend_, Op::kTranspose, x_, Op::kNone, y_);
  }
  floors_ = FloorsOf(backend_, y_, statistics.reference_means);
  if (form == PredictorForm::kRows) {
    unit_floors_ = FloorsOf(backend_, x_, statistics.candidate_means);
  }
}

TrainingSet PredictionRows::Train(const Split& split) const {
  return form_ == PredictorForm::kKernel ? TrainOnKernel(split)
                                         : TrainOnMoments(split);
}

// With s the sum of the training rows, mu = s / n_t:
//   A_t = A - (rest)'(rest) - n_t mu mu',  M_t the same.
TrainingSet PredictionRows::TrainOnMoments(const Split& split) const {
  TrainingSet set;
  set.rows = static_cast<int64_t>(split.train.size());
  const double train = static_cast<double>(set.rows);
  const std::vector<int64_t> rest = Complement(split.train, rows());
  const bool downdate =
      form_ != PredictorForm::kRows && rest.size() <= split.train.size();
  const std::vector<int64_t>& used = downdate ? rest : split.train;
  const MatrixXd x = PredictorRows(used);
  const MatrixXd y = Gather(y_, used);
  const double sign = downdate ? -1.0 : 1.0;
  const RowVectorXd x_mean = (sign / train) * x.colwise().sum();
  set.centre = (sign / train) * y.colwise().sum();
  set.cross = Multiply(backend_, Op::kTranspose, x, Op::kNone, y);
  if (downdate) {
    set.cross = cross_ - set.cross;
  }
  set.cross.noalias() -= train * x_mean.transpose() * set.centre;
  set.actual = Gather(y_, split.test);
  set.actual.rowwise() -= set.centre;
  if (by_columns()) {
    const VectorXd squares = x.colwise().squaredNorm();
    set.weights = (downdate ? VectorXd(squares_ - squares) : squares);
    set.weights -= train * x_mean.cwiseAbs2();
    DropConstantUnits(downdate ? squares_ : squares, set);
    return set;
  }
  if (form_ == PredictorForm::kFeature) {
    set.gram = GramOf(backend_, x);
    const VectorXd all = (downdate ? products_ : set.gram).diagonal();
    if (downdate) {
      set.gram = products_ - set.gram;
    }
    set.gram.noalias() -= train * x_mean.transpose() * x_mean;
    set.weights = set.gram.diagonal();
    DropConstantUnits(all, set);
  } else {
    set.weights = (x.rowwise() - x_mean).colwise().squaredNorm();
  }
  // In place: in-sample this is a copy of all rows.
  set.probe = Gather(x_, split.test);
  set.probe.rowwise() -= x_mean;
  return set;
}

MatrixXd PredictionRows::PredictorRows(const std::vector<int64_t>& rows) const {
  if (!by_columns()) {
    return Gather(x_, rows);
  }
  const Matrix some = backend_.Allocate(
      static_cast<int64_t>(rows.size()), columns_.cols(), kDouble);
  backend_.GatherRows(columns_, rows, some);
  return ToHost(backend_, some);
}

void PredictionRows::DropConstantUnits(const VectorXd& all, TrainingSet& set) {
  for (int64_t j = 0; j < all.size(); ++j) {
    if (set.weights(j) > kCancelled * all(j)) {
      continue;
    }
    set.weights(j) = 0.0;
    set.cross.row(j).setZero();
    if (set.gram.size() > 0) {
      set.gram.row(j).setZero();
      set.gram.col(j).setZero();
    }
  }
}

// K_t = H K_tt H; K_vt without the training rows' means.
TrainingSet PredictionRows::TrainOnKernel(const Split& split) const {
  TrainingSet set;
  set.rows = static_cast<int64_t>(split.train.size());
  set.gram = products_(split.train, split.train);
  set.probe = products_(split.test, split.train);
  const RowVectorXd column_means = set.gram.colwise().mean();
  const double mean = column_means.mean();
  const VectorXd probe_means = set.probe.rowwise().mean();
  set.gram.rowwise() -= column_means;
  set.gram.colwise() -= (column_means.array() - mean).matrix().transpose();
  set.probe.rowwise() -= column_means;
  set.probe.colwise() -= (probe_means.array() - mean).matrix();
  set.cross = Gather(y_, split.train);
  set.centre = set.cross.colwise().mean();
  set.cross.rowwise() -= set.centre;
  set.actual = Gather(y_, split.test).rowwise() - set.centre;
  return set;
}

MatrixXd PredictionRows::Basis(const Split& split,
                               const HostSpectrum& spectrum) const {
  if (form_ == PredictorForm::kKernel) {
    return spectrum.vectors;
  }
  // U = X V diag(w)^-1/2
  MatrixXd x = Gather(x_, split.train);
  const RowVectorXd mean = x.colwise().mean();
  x.rowwise() -= mean;
  const MatrixXd scaled =
      spectrum.vectors *
      spectrum.values.cwiseSqrt().cwiseInverse().asDiagonal();
  return Multiply(backend_, Op::kNone, x, Op::kNone, scaled);
}

MatrixXd PredictionRows::CentredReference(
    const std::vector<int64_t>& rows) const {
  MatrixXd y = Gather(y_, rows);
  const RowVectorXd mean = y.colwise().mean();
  y.rowwise() -= mean;
  return y;
}

std::vector<Split> PredictionRows::InnerFolds(const std::vector<int64_t>& rows,
                                              int64_t count) const {
  std::vector<int64_t> ordered = rows;
  if (!original_rows_.empty()) {
    std::sort(ordered.begin(), ordered.end(), [this](int64_t a, int64_t b) {
      return original_rows_[static_cast<size_t>(a)] <
             original_rows_[static_cast<size_t>(b)];
    });
  } else {
    std::sort(ordered.begin(), ordered.end());
  }
  const auto size = static_cast<int64_t>(ordered.size());
  std::vector<Split> splits;
  int64_t first = 0;
  for (int64_t f = 0; f < count; ++f) {
    const int64_t last = first + size / count + (f < size % count ? 1 : 0);
    Split split;
    for (int64_t i = 0; i < size; ++i) {
      (i >= first && i < last ? split.test : split.train)
          .push_back(ordered[static_cast<size_t>(i)]);
    }
    splits.push_back(std::move(split));
    first = last;
  }
  return splits;
}

}  // namespace repscore
