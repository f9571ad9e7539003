// Cross-validated ridge predictivity without refitting rows.
//
// Globally centred data; fold f has n_f rows, column sums s, t and moments
// A_f, M_f; n_t = n - n_f training rows, kappa = 2/n_t + n_f/n_t^2. Centred on
// the training means,
//   A_t = A - A_f - s s'/n_t     M_t = M - M_f - s t'/n_t
//   A_v = A_f + kappa s s'       M_v = M_f + kappa s t'
//   |Z|^2 = |Y_f|^2 + kappa |t|^2
//   W = (A_t + lambda I)^-1 M_t,  SSE = |Z|^2 - 2 <M_v, W> + <W, A_v W>
#include <algorithm>
#include <memory>
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

/// a + scale * x y' in new memory.
Matrix WithOuter(Backend& backend,
                 const Matrix& a,
                 double scale,
                 const Matrix& x,
                 const Matrix& y) {
  Matrix out = Scaled(backend, 1.0, a);
  backend.Gemm(Op::kNone, Op::kTranspose, scale, x, y, 1.0, out);
  return out;
}

/// What folds make of the candidate alone.
struct FoldCandidates {
  std::vector<Matrix> a_held;
  /// Of A_t + lambda I.
  std::vector<std::shared_ptr<const PositiveFactor>> factors;
};

/// Intermediate results of one fold that its adjoint needs.
struct FoldFit {
  Matrix w;            ///< [p x q]
  Matrix weights_bar;  ///< R = (A_t + lambda I)^-1 (2 A_v W - 2 M_v) [p x q]
};

class FeatureSpaceFolds {
 public:
  FeatureSpaceFolds(const RidgeOptions& options, const Statistics& statistics)
      : options_(options),
        statistics_(statistics),
        backend_(*statistics.backend),
        rule_(options.folds.ToString()),
        folded_(statistics.folds.at(rule_)) {}

  absl::StatusOr<Evaluation> Evaluate(AdjointRequest request) {
    const bool wants_adjoint = request.candidate || request.reference;
    const size_t count = folded_.moments.size();
    const auto most = static_cast<size_t>(
        FoldsAtOnce(statistics_.cross.rows(), statistics_.cross.cols()));
    for (size_t first = 0; first < count; first += most) {
      Fit(first, std::min(most, count - first), wants_adjoint);
    }
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
    if (wants_adjoint) {
      FillAdjoint(request, result.adjoint);
    }
    return result;
  }

 private:
  FoldGeometry GeometryOfFold(size_t fold) const {
    return GeometryOf(statistics_.size.rows, folded_.moments[fold].rows);
  }

  FoldCandidates CandidatesOf(size_t first, size_t count) const {
    FoldCandidates candidates;
    std::vector<double> shifts;
    for (size_t f = first; f < first + count; ++f) {
      const FoldMoments& fold = folded_.moments[f];
      const Matrix& s = fold.candidate_sum;
      candidates.a_held.push_back(
          WithOuter(backend_, fold.gram, GeometryOfFold(f).kappa, s, s));
      shifts.push_back(options_.LambdaFor(statistics_.size.rows - fold.rows));
    }
    candidates.factors = PositiveFactor::Batch(backend_, shifts, [&](size_t i) {
      const FoldMoments& fold = folded_.moments[first + i];
      const Matrix& s = fold.candidate_sum;
      Matrix a_train = WithOuter(backend_,
                                 statistics_.gram,
                                 -1.0 / GeometryOfFold(first + i).train_rows,
                                 s,
                                 s);
      backend_.Axpby(-1.0, fold.gram, 1.0, a_train);
      return a_train;
    });
    return candidates;
  }

  /// Folds [first, first + count) at once.
  void Fit(size_t first, size_t count, bool wants_adjoint) {
    const std::shared_ptr<const FoldCandidates> candidates = Memo::Remember(
        statistics_.candidate_memo,
        StrCat("ridge ",
               ShortestNumber(options_.lambda),
               options_.lambda_scale == LambdaScale::kRaw ? "" : " times rows",
               " without folds ",
               first,
               " to ",
               first + count,
               " of ",
               rule_),
        [&] {
          return std::make_shared<const FoldCandidates>(
              CandidatesOf(first, count));
        });
    std::vector<Matrix> m_train;
    std::vector<Matrix> m_held;
    for (size_t f = first; f < first + count; ++f) {
      const FoldMoments& fold = folded_.moments[f];
      const FoldGeometry geometry = GeometryOfFold(f);
      const Matrix& s = fold.candidate_sum;
      const Matrix& t = fold.reference_sum;
      // M_t: total minus fold minus the mean's part.
      m_train.push_back(WithOuter(
          backend_, statistics_.cross, -1.0 / geometry.train_rows, s, t));
      backend_.Axpby(-1.0, fold.cross, 1.0, m_train.back());
      m_held.push_back(WithOuter(backend_, fold.cross, geometry.kappa, s, t));
    }
    const std::vector<Matrix> w =
        PositiveFactor::SolveBatch(candidates->factors, m_train);
    std::vector<Matrix> aw;
    for (size_t i = 0; i < count; ++i) {
      aw.push_back(backend_.Allocate(w[i].rows(), w[i].cols(), kDouble));
      backend_.Gemm(
          Op::kNone, Op::kNone, 1.0, candidates->a_held[i], w[i], 0.0, aw[i]);
    }
    Score(first, w, aw, m_held);
    if (!wants_adjoint) {
      return;
    }
    for (size_t i = 0; i < count; ++i) {
      backend_.Axpby(-2.0, m_held[i], 2.0, aw[i]);
    }
    const std::vector<Matrix> weights_bar =
        PositiveFactor::SolveBatch(candidates->factors, aw);
    for (size_t i = 0; i < count; ++i) {
      fits_.push_back({.w = w[i], .weights_bar = weights_bar[i]});
    }
  }

  /// Errors of folds from `first` on.
  void Score(size_t first,
             const std::vector<Matrix>& w,
             const std::vector<Matrix>& aw,
             const std::vector<Matrix>& m_held) {
    std::vector<std::pair<Matrix, Matrix>> pairs;
    for (size_t i = 0; i < w.size(); ++i) {
      const Matrix& t = folded_.moments[first + i].reference_sum;
      pairs.insert(pairs.end(), {{m_held[i], w[i]}, {w[i], aw[i]}, {t, t}});
    }
    const std::vector<double> dots = backend_.Dots(pairs);
    for (size_t i = 0; i < w.size(); ++i) {
      const FoldMoments& fold = folded_.moments[first + i];
      const double* products = dots.data() + 3 * i;
      FoldScore score;
      const double z_squared = fold.reference_norm_squared +
                               GeometryOfFold(first + i).kappa * products[2];
      score.sse = z_squared - 2.0 * products[0] + products[1];
      score.sst = options_.denominator == Denominator::kTrainMean
                      ? z_squared
                      : fold.reference_norm_squared -
                            products[2] / static_cast<double>(fold.rows);
      scores_.push_back(score);
    }
  }

  /// SST of all validated rows about their mean; 0 where nothing is pooled.
  double PooledSst() const {
    if (options_.pooling != Pooling::kPooled) {
      return 0.0;
    }
    double norm = 0.0;
    int64_t rows = 0;
    Matrix sum;
    for (const FoldMoments& fold : folded_.moments) {
      norm += fold.reference_norm_squared;
      rows += fold.rows;
      AddInto(backend_, fold.reference_sum, sum);
    }
    return norm - backend_.Dot(sum, sum) / static_cast<double>(rows);
  }

  void FillAdjoint(AdjointRequest request, Adjoint& adjoint) {
    std::vector<FoldMomentsAdjoint>& folds = adjoint.folds[rule_];
    folds.resize(folded_.moments.size());
    const int64_t p = statistics_.gram.rows();
    for (size_t f = 0; f < folds.size(); ++f) {
      const FoldMoments& fold = folded_.moments[f];
      const FoldFit& fit = fits_[f];
      const FoldScore& score = scores_[f];
      const FoldGeometry geometry = GeometryOfFold(f);
      // d SSE: dA_v = W W', dM_v = -2 W, dM_t = R, dA_t = -sym(R W')
      const double weight = score.sse_weight;
      const Matrix a_held = backend_.Allocate(p, p, kDouble);
      backend_.Syrk(Op::kNone, weight, fit.w, 0.0, a_held);
      const Matrix half = backend_.Allocate(p, p, kDouble);
      backend_.Gemm(Op::kNone,
                    Op::kTranspose,
                    -0.5 * weight,
                    fit.weights_bar,
                    fit.w,
                    0.0,
                    half);
      const Matrix a_train = backend_.Allocate(p, p, kDouble);
      backend_.Transpose(half, a_train);
      backend_.Axpby(1.0, half, 1.0, a_train);
      const Matrix m_held = Scaled(backend_, -2.0 * weight, fit.w);
      const Matrix m_train = Scaled(backend_, weight, fit.weights_bar);

      AddInto(backend_, a_train, adjoint.gram);
      AddInto(backend_, m_train, adjoint.cross);
      FoldMomentsAdjoint& out = folds[f];
      if (request.candidate) {
        // s: 2 (kappa dA_v - dA_t / n_t) s + (kappa dM_v - dM_t / n_t) t
        out.candidate_sum = backend_.Allocate(p, 1, kDouble);
        const Matrix& s = fold.candidate_sum;
        const double k = geometry.kappa;
        const double r = -1.0 / geometry.train_rows;
        Product(Op::kNone, 2.0 * k, a_held, s, 0.0, out.candidate_sum);
        Product(Op::kNone, 2.0 * r, a_train, s, 1.0, out.candidate_sum);
        Product(
            Op::kNone, k, m_held, fold.reference_sum, 1.0, out.candidate_sum);
        Product(
            Op::kNone, r, m_train, fold.reference_sum, 1.0, out.candidate_sum);
      }
      if (request.reference) {
        FillReference(fold, score, geometry, m_held, m_train, out);
      }
      out.gram = a_held;
      backend_.Axpby(-1.0, a_train, 1.0, out.gram);
      out.cross = m_held;
      backend_.Axpby(-1.0, m_train, 1.0, out.cross);
    }
    if (request.reference && options_.pooling == Pooling::kPooled) {
      AddPooledSst(folds);
    }
  }

  void FillReference(const FoldMoments& fold,
                     const FoldScore& score,
                     const FoldGeometry& geometry,
                     const Matrix& m_held,
                     const Matrix& m_train,
                     FoldMomentsAdjoint& out) {
    // |Z|^2 enters SSE, and SST under train_mean.
    const bool by_fold = options_.pooling == Pooling::kMeanOfFolds;
    double z_bar = score.sse_weight;
    double fold_norm_bar = 0.0;
    double mean_bar = 0.0;
    if (by_fold && options_.denominator == Denominator::kTrainMean) {
      z_bar += score.sst_weight;
    } else if (by_fold) {
      fold_norm_bar = score.sst_weight;
      mean_bar = -score.sst_weight / static_cast<double>(fold.rows);
    }
    out.reference_norm_squared = z_bar + fold_norm_bar;
    // t: (kappa dM_v - dM_t / n_t)' s + 2 (kappa z_bar + mean_bar) t
    const Matrix& t = fold.reference_sum;
    out.reference_sum =
        Scaled(backend_, 2.0 * (geometry.kappa * z_bar + mean_bar), t);
    Product(Op::kTranspose,
            geometry.kappa,
            m_held,
            fold.candidate_sum,
            1.0,
            out.reference_sum);
    Product(Op::kTranspose,
            -1.0 / geometry.train_rows,
            m_train,
            fold.candidate_sum,
            1.0,
            out.reference_sum);
  }

  void AddPooledSst(std::vector<FoldMomentsAdjoint>& folds) const {
    Matrix sum;
    int64_t rows = 0;
    for (const FoldMoments& fold : folded_.moments) {
      AddInto(backend_, fold.reference_sum, sum);
      rows += fold.rows;
    }
    const double weight = scores_.front().sst_weight;
    for (FoldMomentsAdjoint& fold : folds) {
      fold.reference_norm_squared += weight;
      backend_.Axpby(-2.0 * weight / static_cast<double>(rows),
                     sum,
                     1.0,
                     fold.reference_sum);
    }
  }

  void Product(Op op,
               double scale,
               const Matrix& a,
               const Matrix& x,
               double beta,
               const Matrix& out) const {
    backend_.Gemm(op, Op::kNone, scale, a, x, beta, out);
  }

  const RidgeOptions& options_;
  const Statistics& statistics_;
  Backend& backend_;
  const std::string rule_;
  const FoldedMoments& folded_;
  std::vector<FoldScore> scores_;
  std::vector<FoldFit> fits_;
};

}  // namespace

absl::StatusOr<Evaluation> RidgeFoldsInFeatureSpace(
    const RidgeOptions& options,
    const Statistics& statistics,
    AdjointRequest request) {
  return FeatureSpaceFolds(options, statistics).Evaluate(request);
}

}  // namespace repscore
