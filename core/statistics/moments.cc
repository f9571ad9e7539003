#include "core/statistics/moments.h"

#include <algorithm>
#include <utility>

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;

Matrix Zeros(Backend& backend, int64_t rows, int64_t cols) {
  Matrix zeros = backend.Allocate(rows, cols, kDouble);
  backend.Fill(0.0, zeros);
  return zeros;
}

Matrix CopyOf(Backend& backend, const Matrix& a) {
  if (a.empty()) {
    return a;
  }
  Matrix copy = backend.Allocate(a.rows(), a.cols(), a.type());
  backend.Copy(a, copy);
  return copy;
}

Matrix ColumnVector(Backend& backend, absl::Span<const double> values) {
  Matrix vector =
      backend.Allocate(static_cast<int64_t>(values.size()), 1, kDouble);
  backend.Upload(values, vector);
  return vector;
}

std::vector<double> ToHost(Backend& backend, const Matrix& vector) {
  std::vector<double> values(static_cast<size_t>(vector.size()));
  backend.Download(vector, absl::MakeSpan(values));
  return values;
}

double Dot(absl::Span<const double> a, absl::Span<const double> b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

void AddPart(Backend& backend,
             double sign,
             const Matrix& from,
             const Matrix& into) {
  if (!from.empty() && !into.empty()) {
    backend.Axpby(sign, from, 1.0, into);
  }
}

}  // namespace

Moments::Moments(Backend& backend,
                 std::vector<double> shift,
                 int64_t reference_features,
                 const StatisticsNeeds& needs)
    : backend_(&backend), shift_(std::move(shift)) {
  const auto p = static_cast<int64_t>(shift_.size());
  const int64_t q = reference_features;
  sums_.candidate_sum = Zeros(backend, p, 1);
  sums_.reference_sum = Zeros(backend, q, 1);
  sums_.gram = Zeros(backend, p, p);
  sums_.cross = Zeros(backend, p, q);
  if (needs.fold_reference_gram) {
    sums_.reference_gram = Zeros(backend, q, q);
  }
}

void Moments::Accumulate(const Matrix& candidate, const Matrix& reference) {
  const Matrix ones = backend_->Allocate(candidate.cols(), 1, kDouble);
  backend_->Fill(1.0, ones);
  // s += X'1, t += Y'1, A += X'X, M += X'Y; `candidate` is X'
  backend_->Gemm(
      Op::kNone, Op::kNone, 1.0, candidate, ones, 1.0, sums_.candidate_sum);
  backend_->Gemm(Op::kTranspose,
                 Op::kNone,
                 1.0,
                 reference,
                 ones,
                 1.0,
                 sums_.reference_sum);
  backend_->Syrk(Op::kNone, 1.0, candidate, 1.0, sums_.gram);
  backend_->Gemm(
      Op::kNone, Op::kNone, 1.0, candidate, reference, 1.0, sums_.cross);
  if (!sums_.reference_gram.empty()) {
    backend_->Syrk(Op::kTranspose, 1.0, reference, 1.0, sums_.reference_gram);
  }
  sums_.reference_norm_squared += backend_->Dot(reference, reference);
  sums_.rows += candidate.cols();
}

std::vector<double> Moments::Means() const {
  std::vector<double> means = ToHost(*backend_, sums_.candidate_sum);
  for (size_t j = 0; j < means.size(); ++j) {
    means[j] = shift_[j] + means[j] / static_cast<double>(sums_.rows);
  }
  return means;
}

void Moments::Rebase(absl::Span<const double> origin, FoldMoments& sums) const {
  std::vector<double> delta(shift_.size());
  for (size_t j = 0; j < delta.size(); ++j) {
    delta[j] = shift_[j] - origin[j];
  }
  const Matrix d = ColumnVector(*backend_, delta);
  // A += s d' + d s' + n d d', M += d t', then s += n d
  backend_->Gemm(
      Op::kNone, Op::kTranspose, 1.0, sums.candidate_sum, d, 1.0, sums.gram);
  backend_->Gemm(
      Op::kNone, Op::kTranspose, 1.0, d, sums.candidate_sum, 1.0, sums.gram);
  const double rows = static_cast<double>(sums.rows);
  backend_->Gemm(Op::kNone, Op::kTranspose, rows, d, d, 1.0, sums.gram);
  backend_->Gemm(
      Op::kNone, Op::kTranspose, 1.0, d, sums.reference_sum, 1.0, sums.cross);
  backend_->Axpby(rows, d, 1.0, sums.candidate_sum);
}

FoldMoments Moments::Rebased(absl::Span<const double> origin) const {
  FoldMoments moved = sums_;
  moved.candidate_sum = CopyOf(*backend_, sums_.candidate_sum);
  moved.reference_sum = CopyOf(*backend_, sums_.reference_sum);
  moved.gram = CopyOf(*backend_, sums_.gram);
  moved.cross = CopyOf(*backend_, sums_.cross);
  moved.reference_gram = CopyOf(*backend_, sums_.reference_gram);
  Rebase(origin, moved);
  return moved;
}

FoldMoments Moments::CentredOn(absl::Span<const double> means) && {
  FoldMoments centred = std::exchange(sums_, {});
  Rebase(means, centred);
  centred.candidate_norm_squared = backend_->Trace(centred.gram);
  return centred;
}

void Moments::Combine(double sign, const Moments& other) {
  const FoldMoments moved = other.Rebased(shift_);
  sums_.rows += static_cast<int64_t>(sign) * moved.rows;
  sums_.reference_norm_squared += sign * moved.reference_norm_squared;
  AddPart(*backend_, sign, moved.candidate_sum, sums_.candidate_sum);
  AddPart(*backend_, sign, moved.reference_sum, sums_.reference_sum);
  AddPart(*backend_, sign, moved.gram, sums_.gram);
  AddPart(*backend_, sign, moved.cross, sums_.cross);
  AddPart(*backend_, sign, moved.reference_gram, sums_.reference_gram);
}

MomentsAccumulator::MomentsAccumulator(Backend& backend,
                                       Matrix reference,
                                       std::map<std::string, Folds> folds,
                                       const StatisticsNeeds& needs)
    : backend_(backend),
      reference_(std::move(reference)),
      folds_(std::move(folds)),
      needs_(needs) {
  if (needs_.row_norms) {
    const Matrix norms = backend_.Allocate(reference_.rows(), 1, kDouble);
    backend_.RowSquaredNorms(reference_, norms);
    reference_norms_ = ToHost(backend_, norms);
  }
}

size_t MomentsAccumulator::CellOfRow(int64_t row) {
  std::vector<int32_t> key;
  key.reserve(folds_.size());
  for (const auto& [rule, folds] : folds_) {
    key.push_back(folds.fold_of_row[static_cast<size_t>(row)]);
  }
  const auto [found, inserted] = cell_index_.try_emplace(key, cells_.size());
  if (inserted) {
    Cell cell;
    size_t position = 0;
    for (const auto& [rule, folds] : folds_) {
      cell.folds[rule] = key[position++];
    }
    cell.moments = Moments(backend_, shift_, reference_.cols(), needs_);
    cells_.push_back(std::move(cell));
  }
  return found->second;
}

void MomentsAccumulator::Append(absl::Span<const double> rows, int64_t count) {
  const size_t p = rows.size() / static_cast<size_t>(count);
  if (shift_.empty()) {
    shift_.assign(p, 0.0);
    for (size_t i = 0; i < rows.size(); ++i) {
      shift_[i % p] += rows[i] / static_cast<double>(count);
    }
  }
  // Rows of one cell next to each other, shifted.
  std::vector<std::pair<size_t, int64_t>> order;
  order.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    order.emplace_back(
        folds_.empty() && !cells_.empty() ? 0 : CellOfRow(rows_seen_ + i), i);
  }
  std::stable_sort(
      order.begin(), order.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
      });
  shifted_.resize(rows.size());
  std::vector<int64_t> reference_indices;
  reference_indices.reserve(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const double* from = rows.data() + static_cast<size_t>(order[i].second) * p;
    for (size_t j = 0; j < p; ++j) {
      shifted_[i * p + j] = from[j] - shift_[j];
    }
    reference_indices.push_back(rows_seen_ + order[i].second);
  }
  if (needs_.row_norms) {
    AddRowNorms(shifted_, reference_indices);
  }
  const Matrix candidate =
      backend_.Allocate(static_cast<int64_t>(p), count, kDouble);
  backend_.Upload(shifted_, candidate);
  const Matrix reference = backend_.Allocate(count, reference_.cols(), kDouble);
  backend_.GatherRows(reference_, reference_indices, reference);
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    while (last < order.size() && order[last].first == order[first].first) {
      ++last;
    }
    const auto begin = static_cast<int64_t>(first);
    const auto length = static_cast<int64_t>(last - first);
    cells_[order[first].first].moments.Accumulate(
        candidate.Columns(begin, length), reference.Rows(begin, length));
    first = last;
  }
  rows_seen_ += count;
}

void MomentsAccumulator::AddRowNorms(absl::Span<const double> shifted,
                                     absl::Span<const int64_t> rows) {
  const size_t p = shifted.size() / rows.size();
  NormSums& sums = norm_sums_;
  sums.ax.resize(p, 0.0);
  sums.bx.resize(p, 0.0);
  sums.x.resize(p, 0.0);
  for (size_t i = 0; i < rows.size(); ++i) {
    const double* x = shifted.data() + i * p;
    const double b = reference_norms_[static_cast<size_t>(rows[i])];
    double a = 0.0;
    for (size_t j = 0; j < p; ++j) {
      a += x[j] * x[j];
    }
    sums.a += a;
    sums.a_squared += a * a;
    sums.ab += a * b;
    for (size_t j = 0; j < p; ++j) {
      sums.ax[j] += a * x[j];
      sums.bx[j] += b * x[j];
      sums.x[j] += x[j];
    }
  }
}

RowNorms MomentsAccumulator::FinishRowNorms(
    const Matrix& total_gram, absl::Span<const double> offset) const {
  // With o the mean of x - shift, G the centred Gram matrix and a_i = |x_i -
  // mean|^2:  a = a° - 2 o.x + |o|^2 of shifted rows x.
  const NormSums& sums = norm_sums_;
  const double n = static_cast<double>(rows_seen_);
  const double oo = Dot(offset, offset);
  const double ox = Dot(offset, sums.x);
  const Matrix o = ColumnVector(backend_, offset);
  const Matrix go = backend_.Allocate(o.rows(), 1, kDouble);
  backend_.Gemm(Op::kNone, Op::kNone, 1.0, total_gram, o, 0.0, go);
  // o'(sum x x')o of the shifted rows
  const double oxxo = backend_.Dot(o, go) + n * oo * oo;
  RowNorms norms;
  norms.candidate_squared = sums.a_squared + 4.0 * oxxo + n * oo * oo -
                            4.0 * Dot(offset, sums.ax) + 2.0 * oo * sums.a -
                            4.0 * oo * ox;
  double b_sum = 0.0;
  for (const double b : reference_norms_) {
    b_sum += b;
    norms.reference_squared += b * b;
  }
  norms.product = sums.ab - 2.0 * Dot(offset, sums.bx) + oo * b_sum;
  return norms;
}

std::vector<double> MomentsAccumulator::Means() const {
  std::vector<double> means(shift_.size(), 0.0);
  for (const Cell& cell : cells_) {
    const std::vector<double> part = cell.moments.Means();
    const double weight = static_cast<double>(cell.moments.rows()) /
                          static_cast<double>(rows_seen_);
    for (size_t j = 0; j < means.size(); ++j) {
      means[j] += weight * (part[j] - shift_[j]);
    }
  }
  for (size_t j = 0; j < means.size(); ++j) {
    means[j] += shift_[j];
  }
  return means;
}

FoldMoments MomentsAccumulator::SumCells(absl::Span<const double> means,
                                         Statistics& statistics) {
  FoldMoments total;
  for (const auto& [rule, folds] : folds_) {
    statistics.folds[rule].folds = folds;
    statistics.folds[rule].moments.resize(static_cast<size_t>(folds.count));
  }
  for (Cell& cell : cells_) {
    std::vector<FoldMoments*> sums = {&total};
    for (const auto& [rule, fold] : cell.folds) {
      if (fold >= 0) {
        sums.push_back(
            &statistics.folds[rule].moments[static_cast<size_t>(fold)]);
      }
    }
    FoldMoments moments = std::move(cell.moments).CentredOn(means);
    // The last sum keeps the cell's memory where it has none yet.
    FoldMoments& last = *sums.back();
    sums.pop_back();
    for (FoldMoments* sum : sums) {
      AddFoldMoments(backend_, moments, *sum);
    }
    if (last.rows == 0) {
      last = std::move(moments);
    } else {
      AddFoldMoments(backend_, moments, last);
    }
  }
  return total;
}

Statistics MomentsAccumulator::Finish(const ReferenceConstants& constants) && {
  Statistics statistics;
  statistics.backend = &backend_;
  statistics.size.rows = rows_seen_;
  statistics.size.candidate_features = static_cast<int64_t>(shift_.size());
  statistics.size.reference_features = reference_.cols();
  statistics.size.space =
      ChooseSpace(rows_seen_, statistics.size.candidate_features);
  statistics.reference_rows = reference_;
  shifted_ = {};
  const std::vector<double> means = Means();
  const FoldMoments total = SumCells(means, statistics);
  statistics.gram = total.gram;
  statistics.cross = total.cross;
  statistics.candidate_norm_squared = total.candidate_norm_squared;
  statistics.reference_norm_squared = constants.norm_squared;
  statistics.reference_gram = constants.gram;
  statistics.reference_kernel = constants.kernel;
  if (needs_.row_norms) {
    std::vector<double> offset = means;
    for (size_t j = 0; j < offset.size(); ++j) {
      offset[j] -= shift_[j];
    }
    statistics.row_norms = FinishRowNorms(total.gram, offset);
  }
  return statistics;
}

}  // namespace repscore
