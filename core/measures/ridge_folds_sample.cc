// Cross-validated ridge predictivity where features outnumber rows.
//
// Held-out residuals of all folds from one matrix: with C = K + lambda I,
//   P = C^-1 - C^-1 1 1' C^-1 / (1' C^-1 1),  alpha = P Y,
//   E_f = P_ff^-1 alpha_f,  gamma_f = P_ff^-1 E_f,
//   d SSE_f / dK = 2 (P_:f gamma_f)(P_:f E_f - alpha)',
//   d SSE_f / dY = 2 P_:f gamma_f.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/measures/ridge_folds.h"
#include "core/measures/ridge_regression.h"
#include "core/measures/specification.h"
#include "core/measures/spectral.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

std::vector<std::vector<int64_t>> RowsByFold(const Folds& folds) {
  std::vector<std::vector<int64_t>> rows(static_cast<size_t>(folds.count));
  for (size_t i = 0; i < folds.fold_of_row.size(); ++i) {
    if (folds.fold_of_row[i] >= 0) {
      rows[static_cast<size_t>(folds.fold_of_row[i])].push_back(
          static_cast<int64_t>(i));
    }
  }
  return rows;
}

class SampleSpaceFolds {
 public:
  SampleSpaceFolds(const RidgeOptions& options, const Statistics& statistics)
      : options_(options),
        statistics_(statistics),
        backend_(*statistics.backend),
        y_(Widened(backend_, statistics.reference_rows)),
        rows_(RowsByFold(statistics.folds.at(options.folds.ToString()).folds)) {
  }

  absl::StatusOr<Evaluation> Evaluate(AdjointRequest request) {
    const bool wants_adjoint = request.candidate || request.reference;
    Factor();
    Fit(wants_adjoint);
    absl::StatusOr<double> value =
        PoolScores(options_.pooling,
                   PooledSst(),
                   statistics_.reference_norm_squared,
                   scores_);
    if (!value.ok()) {
      return value.status();
    }
    Evaluation result;
    result.value = *value;
    result.error = ErrorOfFolds(options_.pooling, scores_);
    if (request.candidate) {
      result.adjoint.kernel = KernelAdjoint();
    }
    if (request.reference) {
      result.adjoint.reference_rows = ReferenceAdjoint();
    }
    return result;
  }

 private:
  struct FoldFit {
    Matrix residual;  ///< P_:f E_f [n x q]
    Matrix spread;    ///< P_:f gamma_f [n x q]
  };

  std::string Key(std::string_view what) const {
    return StrCat("ridge ",
                  ShortestNumber(options_.lambda),
                  " in sample space, ",
                  std::string(what),
                  " of ",
                  options_.folds.ToString());
  }

  /// P
  Matrix Projector() const {
    const int64_t n = y_.rows();
    Matrix p = backend_.Allocate(n, n, kDouble);
    backend_.Fill(0.0, p);
    backend_.AddDiagonal(1.0, p);
    const PositiveFactor factor(backend_, statistics_.kernel, options_.lambda);
    p = factor.Solve(p);
    const Matrix ones = backend_.Allocate(n, 1, kDouble);
    backend_.Fill(1.0, ones);
    const Matrix sums = backend_.Allocate(n, 1, kDouble);
    backend_.ColumnSums(p, sums);
    const double total = backend_.Dot(sums, ones);
    backend_.Gemm(Op::kNone, Op::kTranspose, -1.0 / total, sums, sums, 1.0, p);
    return p;
  }

  void Factor() {
    p_ = *Memo::Remember(statistics_.candidate_memo, Key("matrix P"), [&] {
      return std::make_shared<const Matrix>(Projector());
    });
    const int64_t n = y_.rows();
    alpha_ = backend_.Allocate(n, y_.cols(), kDouble);
    backend_.Gemm(Op::kNone, Op::kNone, 1.0, p_, y_, 0.0, alpha_);
  }

  Matrix RowsOf(const Matrix& a, absl::Span<const int64_t> rows) {
    Matrix out =
        backend_.Allocate(static_cast<int64_t>(rows.size()), a.cols(), kDouble);
    backend_.GatherRows(a, rows, out);
    return out;
  }

  /// P_:f
  Matrix ColumnsOf(absl::Span<const int64_t> rows) {
    // P is symmetric: its rows f are the columns f transposed.
    const Matrix p_rows = RowsOf(p_, rows);
    Matrix columns = backend_.Allocate(p_.rows(), p_rows.rows(), kDouble);
    backend_.Transpose(p_rows, columns);
    return columns;
  }

  /// Of P_ff for every fold.
  std::vector<std::shared_ptr<const PositiveFactor>> Factors() {
    using Kept = std::vector<std::shared_ptr<const PositiveFactor>>;
    return *Memo::Remember(statistics_.candidate_memo, Key("folds"), [&] {
      const std::vector<double> unshifted(rows_.size(), 0.0);
      return std::make_shared<const Kept>(
          PositiveFactor::Batch(backend_, unshifted, [&](size_t f) {
            return RowsOf(ColumnsOf(rows_[f]), rows_[f]);
          }));
    });
  }

  void Fit(bool wants_adjoint) {
    const std::vector<std::shared_ptr<const PositiveFactor>> factors =
        Factors();
    std::vector<Matrix> alphas;
    for (const std::vector<int64_t>& rows : rows_) {
      alphas.push_back(RowsOf(alpha_, rows));
    }
    const std::vector<Matrix> residuals =
        PositiveFactor::SolveBatch(factors, alphas);
    Score(residuals);
    if (!wants_adjoint) {
      return;
    }
    const std::vector<Matrix> gammas =
        PositiveFactor::SolveBatch(factors, residuals);
    for (size_t f = 0; f < rows_.size(); ++f) {
      FoldFit fit;
      const Matrix p_columns = ColumnsOf(rows_[f]);
      fit.residual = backend_.Allocate(y_.rows(), y_.cols(), kDouble);
      fit.spread = backend_.Allocate(y_.rows(), y_.cols(), kDouble);
      backend_.Gemm(Op::kNone,
                    Op::kNone,
                    1.0,
                    p_columns,
                    residuals[f],
                    0.0,
                    fit.residual);
      backend_.Gemm(
          Op::kNone, Op::kNone, 1.0, p_columns, gammas[f], 0.0, fit.spread);
      fits_.push_back(std::move(fit));
    }
  }

  void Score(const std::vector<Matrix>& residuals) {
    std::vector<std::pair<Matrix, Matrix>> pairs;
    for (size_t f = 0; f < rows_.size(); ++f) {
      const Matrix y_fold = RowsOf(y_, rows_[f]);
      const Matrix t = backend_.Allocate(y_.cols(), 1, kDouble);
      backend_.ColumnSums(y_fold, t);
      AddInto(backend_, t, held_sum_);
      pairs.insert(pairs.end(),
                   {{residuals[f], residuals[f]}, {y_fold, y_fold}, {t, t}});
    }
    const std::vector<double> dots = backend_.Dots(pairs);
    for (size_t f = 0; f < rows_.size(); ++f) {
      const double* products = dots.data() + 3 * f;
      const auto held = static_cast<int64_t>(rows_[f].size());
      const FoldGeometry geometry = GeometryOf(y_.rows(), held);
      FoldScore score;
      score.sse = products[0];
      score.sst = options_.denominator == Denominator::kTrainMean
                      ? products[1] + geometry.kappa * products[2]
                      : products[1] - products[2] / static_cast<double>(held);
      scores_.push_back(score);
      held_norm_squared_ += products[1];
      held_rows_ += held;
    }
  }

  /// SST of all validated rows about their mean; 0 where nothing is pooled.
  double PooledSst() const {
    if (options_.pooling != Pooling::kPooled) {
      return 0.0;
    }
    return held_norm_squared_ -
           backend_.Dot(held_sum_, held_sum_) / static_cast<double>(held_rows_);
  }

  Matrix KernelAdjoint() {
    const int64_t n = y_.rows();
    Matrix half = backend_.Allocate(n, n, kDouble);
    backend_.Fill(0.0, half);
    for (size_t f = 0; f < fits_.size(); ++f) {
      // weight * 2 (P_:f gamma)(P_:f E - alpha)', symmetrised below
      const Matrix rest = Scaled(backend_, 1.0, fits_[f].residual);
      backend_.Axpby(-1.0, alpha_, 1.0, rest);
      backend_.Gemm(Op::kNone,
                    Op::kTranspose,
                    scores_[f].sse_weight,
                    fits_[f].spread,
                    rest,
                    1.0,
                    half);
    }
    Matrix kernel = backend_.Allocate(n, n, kDouble);
    backend_.Transpose(half, kernel);
    backend_.Axpby(1.0, half, 1.0, kernel);
    return kernel;
  }

  Matrix ReferenceAdjoint() {
    Matrix gradient = backend_.Allocate(y_.rows(), y_.cols(), kDouble);
    backend_.Fill(0.0, gradient);
    for (size_t f = 0; f < fits_.size(); ++f) {
      backend_.Axpby(
          2.0 * scores_[f].sse_weight, fits_[f].spread, 1.0, gradient);
    }
    AddSstAdjoint(gradient);
    return gradient;
  }

  /// dSST/dY by rows of each fold: 2 y + 2 kappa t, 2 (y - t / n_f), or about
  /// the pooled mean.
  void AddSstAdjoint(const Matrix& gradient) {
    std::vector<double> values(static_cast<size_t>(y_.size()));
    std::vector<double> out(values.size());
    backend_.Download(y_, absl::MakeSpan(values));
    backend_.Download(gradient, absl::MakeSpan(out));
    const auto n = static_cast<size_t>(y_.rows());
    for (size_t f = 0; f < rows_.size(); ++f) {
      const auto held = static_cast<double>(rows_[f].size());
      const FoldGeometry geometry =
          GeometryOf(y_.rows(), static_cast<int64_t>(rows_[f].size()));
      for (size_t j = 0; j < static_cast<size_t>(y_.cols()); ++j) {
        double sum = 0.0;
        for (const int64_t row : rows_[f]) {
          sum += values[j * n + static_cast<size_t>(row)];
        }
        double shift = geometry.kappa * sum;
        if (options_.pooling == Pooling::kPooled) {
          shift = -PooledMean(values, j);
        } else if (options_.denominator == Denominator::kValidationMean) {
          shift = -sum / held;
        }
        for (const int64_t row : rows_[f]) {
          const size_t at = j * n + static_cast<size_t>(row);
          out[at] += 2.0 * scores_[f].sst_weight * (values[at] + shift);
        }
      }
    }
    backend_.Upload(out, gradient);
  }

  double PooledMean(const std::vector<double>& values, size_t column) const {
    double sum = 0.0;
    for (const std::vector<int64_t>& fold : rows_) {
      for (const int64_t row : fold) {
        sum += values[column * static_cast<size_t>(y_.rows()) +
                      static_cast<size_t>(row)];
      }
    }
    return sum / static_cast<double>(held_rows_);
  }

  const RidgeOptions& options_;
  const Statistics& statistics_;
  Backend& backend_;
  const Matrix y_;
  const std::vector<std::vector<int64_t>> rows_;
  Matrix p_;
  Matrix alpha_;
  Matrix held_sum_;
  double held_norm_squared_ = 0.0;
  int64_t held_rows_ = 0;
  std::vector<FoldScore> scores_;
  std::vector<FoldFit> fits_;
};

}  // namespace

absl::StatusOr<Evaluation> RidgeFoldsInSampleSpace(const RidgeOptions& options,
                                                   const Statistics& statistics,
                                                   AdjointRequest request) {
  return SampleSpaceFolds(options, statistics).Evaluate(request);
}

}  // namespace repscore
