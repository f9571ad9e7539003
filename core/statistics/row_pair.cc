#include "core/statistics/row_pair.h"

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Rows per float64 block when an exact Gram matrix is made of float32 rows.
constexpr int64_t kExactBlockRows = 1024;

/// a'b in the rows' scalar type, as float64.
Matrix CrossProduct(Backend& backend, const Matrix& a, const Matrix& b) {
  const Matrix product = backend.Allocate(a.cols(), b.cols(), a.type());
  backend.Gemm(Op::kTranspose, Op::kNone, 1.0, a, b, 0.0, product);
  return Widened(backend, product);
}

}  // namespace

Matrix GramOf(Backend& backend, const Matrix& a, bool exact) {
  if (!exact || a.type() == kDouble) {
    const Matrix product = backend.Allocate(a.cols(), a.cols(), a.type());
    backend.Syrk(Op::kTranspose, 1.0, a, 0.0, product);
    return Widened(backend, product);
  }
  Matrix total = backend.Allocate(a.cols(), a.cols(), kDouble);
  for (int64_t first = 0; first < a.rows(); first += kExactBlockRows) {
    const int64_t count = std::min(kExactBlockRows, a.rows() - first);
    const Matrix block = Widened(backend, a.Rows(first, count));
    backend.Syrk(Op::kTranspose, 1.0, block, first == 0 ? 0.0 : 1.0, total);
  }
  return total;
}

Matrix KernelOf(Backend& backend, const Matrix& a) {
  const Matrix product = backend.Allocate(a.rows(), a.rows(), a.type());
  backend.Syrk(Op::kNone, 1.0, a, 0.0, product);
  return Widened(backend, product);
}

namespace {

Matrix RowNormsOf(Backend& backend, const Matrix& a) {
  Matrix norms = backend.Allocate(a.rows(), 1, kDouble);
  backend.RowSquaredNorms(a, norms);
  return norms;
}

Matrix Sums(Backend& backend, const Matrix& a) {
  Matrix sums = backend.Allocate(a.cols(), 1, kDouble);
  backend.ColumnSums(a, sums);
  return sums;
}

/// Squared norms of candidate and reference of every cell in turn.
std::vector<double> CellNorms(Backend& backend,
                              const RowPair& pair,
                              const RowOrder& order) {
  std::vector<std::pair<Matrix, Matrix>> pairs;
  for (const RowOrder::Cell& cell : order.cells()) {
    for (const Matrix* side : {&pair.candidate, &pair.exact_reference}) {
      const Matrix rows = side->Rows(cell.first, cell.count);
      pairs.emplace_back(rows, rows);
    }
  }
  return backend.Dots(pairs);
}

/// All but the norms.
FoldMoments CellMoments(Backend& backend,
                        const RowPair& pair,
                        const RowOrder::Cell& cell,
                        const StatisticsNeeds& needs) {
  const Matrix candidate = pair.candidate.Rows(cell.first, cell.count);
  const Matrix reference = pair.reference.Rows(cell.first, cell.count);
  const Matrix exact = pair.exact_reference.Rows(cell.first, cell.count);
  FoldMoments moments;
  moments.rows = cell.count;
  moments.candidate_sum = Sums(backend, candidate);
  moments.reference_sum = Sums(backend, exact);
  moments.cross = CrossProduct(backend, candidate, reference);
  if (needs.fold_gram) {
    moments.gram = GramOf(backend, candidate, needs.exact_gram);
  }
  if (needs.fold_reference_gram) {
    moments.reference_gram = GramOf(backend, exact, true);
  }
  return moments;
}

/// Fold moments of every rule; returns the sum over all cells.
FoldMoments ComputeFolds(Backend& backend,
                         const RowPair& pair,
                         const RowOrder& order,
                         const StatisticsNeeds& needs,
                         Statistics& statistics) {
  FoldMoments total;
  for (const auto& [rule, folds] : order.folds()) {
    FoldedMoments& folded = statistics.folds[rule];
    folded.folds = folds;
    if (folds.has_moments()) {
      folded.moments.resize(static_cast<size_t>(folds.count));
    }
  }
  const std::vector<double> norms = CellNorms(backend, pair, order);
  for (size_t c = 0; c < order.cells().size(); ++c) {
    const RowOrder::Cell& cell = order.cells()[c];
    FoldMoments moments = CellMoments(backend, pair, cell, needs);
    moments.candidate_norm_squared = norms[2 * c];
    moments.reference_norm_squared = norms[2 * c + 1];
    for (const auto& [rule, fold] : cell.folds) {
      if (fold >= 0) {
        AddFoldMoments(
            backend,
            moments,
            statistics.folds[rule].moments[static_cast<size_t>(fold)]);
      }
    }
    AddFoldMoments(backend, moments, total);
  }
  return total;
}

RowNorms ComputeRowNorms(Backend& backend,
                         const RowPair& pair,
                         const ReferenceConstants& constants) {
  RowNorms norms;
  norms.candidate = RowNormsOf(backend, pair.candidate);
  norms.reference = constants.row_norms.empty()
                        ? RowNormsOf(backend, pair.exact_reference)
                        : constants.row_norms;
  const std::vector<double> dots =
      backend.Dots({{{norms.candidate, norms.candidate},
                     {norms.reference, norms.reference},
                     {norms.candidate, norms.reference}}});
  norms.candidate_squared = dots[0];
  norms.reference_squared = dots[1];
  norms.product = dots[2];
  return norms;
}

/// Which side the gradient is for: the other one's roles are exchanged.
struct SideView {
  Matrix own;
  Matrix other;
  Matrix gram;
  Matrix kernel;
  Matrix row_norms;
  Matrix direct;
  Matrix means;
  double norm_squared = 0.0;
};

/// The first that is known, not negative, or computed.
double NormSquared(Backend& backend,
                   const Matrix& rows,
                   std::initializer_list<double> known) {
  for (const double squared : known) {
    if (squared >= 0.0) {
      return squared;
    }
  }
  return backend.Dot(rows, rows);
}

}  // namespace

RowOrder::RowOrder(int64_t rows, std::map<std::string, Folds> folds)
    : folds_(std::move(folds)), permutation_(static_cast<size_t>(rows)) {
  std::iota(permutation_.begin(), permutation_.end(), 0);
  const auto same_cell = [this](int64_t a, int64_t b) {
    return std::all_of(folds_.begin(), folds_.end(), [&](const auto& entry) {
      const std::vector<int32_t>& fold = entry.second.fold_of_row;
      return !entry.second.has_moments() ||
             fold[static_cast<size_t>(a)] == fold[static_cast<size_t>(b)];
    });
  };
  const auto before = [this](int64_t a, int64_t b) {
    for (const auto& [rule, assigned] : folds_) {
      if (!assigned.has_moments()) {
        continue;
      }
      const int32_t fold_a = assigned.fold_of_row[static_cast<size_t>(a)];
      const int32_t fold_b = assigned.fold_of_row[static_cast<size_t>(b)];
      if (fold_a != fold_b) {
        return fold_a < fold_b;
      }
    }
    return false;
  };
  std::stable_sort(permutation_.begin(), permutation_.end(), before);
  is_identity_ = std::is_sorted(permutation_.begin(), permutation_.end());
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t row = permutation_[static_cast<size_t>(i)];
    if (i == 0 || !same_cell(row, permutation_[static_cast<size_t>(i - 1)])) {
      Cell cell;
      cell.first = i;
      for (const auto& [rule, assigned] : folds_) {
        if (assigned.has_moments()) {
          cell.folds[rule] = assigned.fold_of_row[static_cast<size_t>(row)];
        }
      }
      cells_.push_back(std::move(cell));
    }
    ++cells_.back().count;
  }
  const std::vector<int64_t> position = Inverse();
  for (auto& [rule, assigned] : folds_) {
    const std::vector<int32_t> original = assigned.fold_of_row;
    for (size_t i = 0; i < original.size(); ++i) {
      assigned.fold_of_row[i] = original[static_cast<size_t>(permutation_[i])];
    }
    for (Split& split : assigned.overlapping) {
      for (std::vector<int64_t>* list : {&split.train, &split.test}) {
        for (int64_t& row : *list) {
          row = position[static_cast<size_t>(row)];
        }
      }
    }
  }
}

std::vector<int64_t> RowOrder::Inverse() const {
  std::vector<int64_t> inverse(permutation_.size());
  for (size_t i = 0; i < permutation_.size(); ++i) {
    inverse[static_cast<size_t>(permutation_[i])] = static_cast<int64_t>(i);
  }
  return inverse;
}

Matrix RowOrder::Apply(Backend& backend, const Matrix& in) const {
  if (is_identity_ || in.empty()) {
    return in;
  }
  Matrix out = backend.Allocate(in.rows(), in.cols(), in.type());
  backend.GatherRows(in, permutation_, out);
  return out;
}

Matrix RowOrder::Invert(Backend& backend, const Matrix& in) const {
  if (is_identity_ || in.empty()) {
    return in;
  }
  Matrix out = backend.Allocate(in.rows(), in.cols(), in.type());
  backend.GatherRows(in, Inverse(), out);
  return out;
}

Statistics ComputeStatistics(Backend& backend,
                             const RowPair& pair,
                             const RowOrder& order,
                             const StatisticsNeeds& needs,
                             const ReferenceConstants& constants) {
  Statistics statistics;
  statistics.backend = &backend;
  statistics.size.rows = pair.candidate.rows();
  statistics.size.candidate_features = pair.candidate.cols();
  statistics.size.reference_features = pair.reference.cols();
  statistics.size.space =
      ChooseSpace(pair.candidate.rows(), pair.candidate.cols());
  statistics.candidate_rows = pair.candidate;
  statistics.reference_rows = pair.exact_reference;
  statistics.candidate_means = pair.candidate_means;
  statistics.reference_means = pair.reference_means;
  if (!order.is_identity()) {
    statistics.original_rows = order.permutation();
  }
  const bool by_fold = needs.fold_gram || needs.fold_reference_gram;
  FoldMoments total;
  if (by_fold) {
    total = ComputeFolds(backend, pair, order, needs, statistics);
  } else {
    for (const auto& [rule, folds] : order.folds()) {
      statistics.folds[rule].folds = folds;
    }
  }
  if (needs.cross) {
    statistics.cross =
        total.cross.empty()
            ? CrossProduct(backend, pair.candidate, pair.reference)
            : total.cross;
  }
  if (needs.gram) {
    statistics.gram = total.gram.empty()
                          ? GramOf(backend, pair.candidate, needs.exact_gram)
                          : total.gram;
  }
  if (needs.reference_gram) {
    statistics.reference_gram =
        constants.gram.empty() ? GramOf(backend, pair.exact_reference, true)
                               : constants.gram;
  }
  if (needs.kernel) {
    statistics.kernel = KernelOf(backend, pair.candidate);
  }
  if (needs.reference_kernel) {
    statistics.reference_kernel = constants.kernel.empty()
                                      ? KernelOf(backend, pair.exact_reference)
                                      : constants.kernel;
  }
  if (needs.row_norms) {
    statistics.row_norms = ComputeRowNorms(backend, pair, constants);
  }
  statistics.candidate_norm_squared =
      NormSquared(backend, pair.candidate, {pair.candidate_norm_squared});
  statistics.reference_norm_squared =
      NormSquared(backend,
                  pair.exact_reference,
                  {constants.norm_squared, pair.reference_norm_squared});
  return statistics;
}

namespace {

/// Terms shared by both sides, then one RowTerms per cell. `cross` is the
/// weight of the other side [r x p] without folds; `fold_cross` and
/// `fold_offset` pick the parts of a fold for this side.
/// Adds what one fold's moments give to the terms of its rows.
void AddFold(Backend& backend,
             const FoldMomentsAdjoint& part,
             bool for_candidate,
             int64_t columns,
             RowTerms& rows) {
  if (!part.cross.empty()) {
    Matrix weights = part.cross;
    if (for_candidate) {
      weights = backend.Allocate(part.cross.cols(), part.cross.rows(), kDouble);
      backend.Transpose(part.cross, weights);
    }
    AddInto(backend, weights, rows.other_weights);
  }
  const Matrix& gram = for_candidate ? part.gram : part.reference_gram;
  if (!gram.empty()) {
    AddInto(backend, Scaled(backend, 2.0, gram), rows.own_weights);
  }
  const double norm =
      for_candidate ? part.candidate_norm_squared : part.reference_norm_squared;
  if (norm != 0.0) {
    if (rows.own_weights.empty()) {
      rows.own_weights = backend.Allocate(columns, columns, kDouble);
      backend.Fill(0.0, rows.own_weights);
    }
    backend.AddDiagonal(2.0 * norm, rows.own_weights);
  }
  AddInto(backend,
          for_candidate ? part.candidate_sum : part.reference_sum,
          rows.offset);
}

PullBackTerms MakeTerms(Backend& backend,
                        const RowOrder& order,
                        const SideView& side,
                        const Matrix& cross,
                        const Adjoint& adjoint,
                        bool for_candidate) {
  PullBackTerms terms;
  terms.own = side.own;
  terms.other = side.other;
  terms.own_scale = 2.0 * side.norm_squared;
  terms.row_weights = Scaled(backend, 2.0, side.row_norms);
  terms.kernel = Scaled(backend, 2.0, side.kernel);
  terms.direct = side.direct;
  terms.means = side.means;
  const Matrix gram = Scaled(backend, 2.0, side.gram);
  if (adjoint.folds.empty()) {
    if (!cross.empty() || !gram.empty()) {
      terms.rows.push_back({.first = 0,
                            .count = side.own.rows(),
                            .other_weights = cross,
                            .own_weights = gram,
                            .offset = {}});
    }
    return terms;
  }
  for (const RowOrder::Cell& cell : order.cells()) {
    RowTerms rows;
    rows.first = cell.first;
    rows.count = cell.count;
    AddInto(backend, cross, rows.other_weights);
    AddInto(backend, gram, rows.own_weights);
    for (const auto& [rule, adjoints] : adjoint.folds) {
      const int32_t fold = cell.folds.at(rule);
      if (fold >= 0) {
        AddFold(backend,
                adjoints[static_cast<size_t>(fold)],
                for_candidate,
                side.own.cols(),
                rows);
      }
    }
    terms.rows.push_back(std::move(rows));
  }
  return terms;
}

}  // namespace

PullBackTerms CandidatePullBack(Backend& backend,
                                const RowPair& pair,
                                const RowOrder& order,
                                const Adjoint& adjoint) {
  SideView side;
  side.own = pair.candidate;
  side.other = pair.reference;
  side.gram = adjoint.gram;
  side.kernel = adjoint.kernel;
  side.row_norms = adjoint.candidate_row_norms;
  side.direct = adjoint.candidate_rows;
  side.means = adjoint.candidate_means;
  side.norm_squared = adjoint.candidate_norm_squared;
  Matrix cross;
  if (!adjoint.cross.empty()) {
    cross =
        backend.Allocate(adjoint.cross.cols(), adjoint.cross.rows(), kDouble);
    backend.Transpose(adjoint.cross, cross);
  }
  return MakeTerms(backend, order, side, cross, adjoint, true);
}

PullBackTerms ReferencePullBack(Backend& backend,
                                const RowPair& pair,
                                const RowOrder& order,
                                const Adjoint& adjoint) {
  SideView side;
  side.own = pair.reference;
  side.other = pair.candidate;
  side.gram = adjoint.reference_gram;
  side.kernel = adjoint.reference_kernel;
  side.row_norms = adjoint.reference_row_norms;
  side.direct = adjoint.reference_rows;
  side.means = adjoint.reference_means;
  side.norm_squared = adjoint.reference_norm_squared;
  return MakeTerms(backend, order, side, adjoint.cross, adjoint, false);
}

}  // namespace repscore
