#include "core/statistics/statistics.h"

#include <utility>

namespace repscore {
namespace {

Matrix Transposed(Backend& backend, const Matrix& a) {
  if (a.empty()) {
    return a;
  }
  Matrix out = backend.Allocate(a.cols(), a.rows(), a.type());
  backend.Transpose(a, out);
  return out;
}

/// into += factor * from, where `into` may be empty. Never writes to memory
/// that `from` shares.
void Accumulate(Backend& backend,
                double factor,
                const Matrix& from,
                Matrix& into) {
  if (from.empty()) {
    return;
  }
  if (into.empty()) {
    into = Scaled(backend, factor, from);
  } else {
    backend.Axpby(factor, from, 1.0, into);
  }
}

}  // namespace

std::string_view SpaceName(Space space) {
  return space == Space::kFeature ? "feature" : "sample";
}

Space ChooseSpace(int64_t rows, int64_t candidate_features) {
  return candidate_features <= rows ? Space::kFeature : Space::kSample;
}

StatisticsNeeds& StatisticsNeeds::operator|=(const StatisticsNeeds& other) {
  gram |= other.gram;
  cross |= other.cross;
  reference_gram |= other.reference_gram;
  kernel |= other.kernel;
  reference_kernel |= other.reference_kernel;
  row_norms |= other.row_norms;
  candidate_rows |= other.candidate_rows;
  reference_rows |= other.reference_rows;
  full_reference |= other.full_reference;
  means |= other.means;
  fold_gram |= other.fold_gram;
  fold_reference_gram |= other.fold_reference_gram;
  exact_gram |= other.exact_gram;
  return *this;
}

StatisticsNeeds StatisticsNeeds::Swapped() const {
  StatisticsNeeds swapped = *this;
  std::swap(swapped.gram, swapped.reference_gram);
  std::swap(swapped.kernel, swapped.reference_kernel);
  std::swap(swapped.candidate_rows, swapped.reference_rows);
  std::swap(swapped.fold_gram, swapped.fold_reference_gram);
  return swapped;
}

Statistics Statistics::Swapped() const {
  Statistics swapped = *this;
  swapped.memo = nullptr;
  swapped.candidate_memo = nullptr;
  std::swap(swapped.size.candidate_features, swapped.size.reference_features);
  swapped.size.space =
      ChooseSpace(swapped.size.rows, swapped.size.candidate_features);
  std::swap(swapped.candidate_norm_squared, swapped.reference_norm_squared);
  std::swap(swapped.gram, swapped.reference_gram);
  swapped.cross = Transposed(*backend, cross);
  std::swap(swapped.kernel, swapped.reference_kernel);
  std::swap(swapped.row_norms.candidate, swapped.row_norms.reference);
  std::swap(swapped.row_norms.candidate_squared,
            swapped.row_norms.reference_squared);
  std::swap(swapped.candidate_rows, swapped.reference_rows);
  std::swap(swapped.candidate_means, swapped.reference_means);
  for (auto& [rule, folded] : swapped.folds) {
    for (FoldMoments& fold : folded.moments) {
      std::swap(fold.candidate_sum, fold.reference_sum);
      std::swap(fold.gram, fold.reference_gram);
      std::swap(fold.candidate_norm_squared, fold.reference_norm_squared);
      fold.cross = Transposed(*backend, fold.cross);
    }
  }
  return swapped;
}

Matrix Scaled(Backend& backend, double factor, const Matrix& a) {
  if (a.empty()) {
    return a;
  }
  Matrix out = backend.Allocate(a.rows(), a.cols(), a.type());
  backend.Axpby(factor, a, 0.0, out);
  return out;
}

Matrix Widened(Backend& backend, const Matrix& a) {
  if (a.type() == ScalarType::kFloat64) {
    return a;
  }
  Matrix wide = backend.Allocate(a.rows(), a.cols(), ScalarType::kFloat64);
  backend.Copy(a, wide);
  return wide;
}

void AddInto(Backend& backend, const Matrix& from, Matrix& into) {
  Accumulate(backend, 1.0, from, into);
}

void AddFoldMoments(Backend& backend,
                    const FoldMoments& from,
                    FoldMoments& into) {
  into.rows += from.rows;
  into.candidate_norm_squared += from.candidate_norm_squared;
  into.reference_norm_squared += from.reference_norm_squared;
  AddInto(backend, from.candidate_sum, into.candidate_sum);
  AddInto(backend, from.reference_sum, into.reference_sum);
  AddInto(backend, from.gram, into.gram);
  AddInto(backend, from.cross, into.cross);
  AddInto(backend, from.reference_gram, into.reference_gram);
}

void Adjoint::AddScaled(Backend& backend, double factor, const Adjoint& other) {
  candidate_norm_squared += factor * other.candidate_norm_squared;
  reference_norm_squared += factor * other.reference_norm_squared;
  Accumulate(backend, factor, other.gram, gram);
  Accumulate(backend, factor, other.cross, cross);
  Accumulate(backend, factor, other.reference_gram, reference_gram);
  Accumulate(backend, factor, other.kernel, kernel);
  Accumulate(backend, factor, other.reference_kernel, reference_kernel);
  Accumulate(backend, factor, other.candidate_row_norms, candidate_row_norms);
  Accumulate(backend, factor, other.reference_row_norms, reference_row_norms);
  Accumulate(backend, factor, other.candidate_rows, candidate_rows);
  Accumulate(backend, factor, other.reference_rows, reference_rows);
  Accumulate(backend, factor, other.candidate_means, candidate_means);
  Accumulate(backend, factor, other.reference_means, reference_means);
  for (const auto& [rule, from] : other.folds) {
    std::vector<FoldMomentsAdjoint>& into = folds[rule];
    into.resize(from.size());
    for (size_t f = 0; f < from.size(); ++f) {
      into[f].candidate_norm_squared += factor * from[f].candidate_norm_squared;
      into[f].reference_norm_squared += factor * from[f].reference_norm_squared;
      Accumulate(backend, factor, from[f].candidate_sum, into[f].candidate_sum);
      Accumulate(backend, factor, from[f].reference_sum, into[f].reference_sum);
      Accumulate(backend, factor, from[f].gram, into[f].gram);
      Accumulate(backend, factor, from[f].cross, into[f].cross);
      Accumulate(
          backend, factor, from[f].reference_gram, into[f].reference_gram);
    }
  }
}

Adjoint Adjoint::Swapped(Backend& backend) const {
  Adjoint swapped = *this;
  std::swap(swapped.candidate_norm_squared, swapped.reference_norm_squared);
  std::swap(swapped.gram, swapped.reference_gram);
  swapped.cross = Transposed(backend, cross);
  std::swap(swapped.kernel, swapped.reference_kernel);
  std::swap(swapped.candidate_row_norms, swapped.reference_row_norms);
  std::swap(swapped.candidate_rows, swapped.reference_rows);
  std::swap(swapped.candidate_means, swapped.reference_means);
  for (auto& [rule, adjoints] : swapped.folds) {
    for (FoldMomentsAdjoint& fold : adjoints) {
      std::swap(fold.candidate_sum, fold.reference_sum);
      std::swap(fold.gram, fold.reference_gram);
      std::swap(fold.candidate_norm_squared, fold.reference_norm_squared);
      fold.cross = Transposed(backend, fold.cross);
    }
  }
  return swapped;
}

}  // namespace repscore
