#include "core/measures/host.h"

namespace repscore {
namespace {

const Matrix& RowsOf(const Statistics& statistics, Side side) {
  return side == Side::kCandidate ? statistics.candidate_rows
                                  : statistics.reference_rows;
}

}  // namespace

Eigen::MatrixXd CentredRows(const Statistics& statistics, Side side) {
  return ToHost(*statistics.backend, RowsOf(statistics, side));
}

Eigen::MatrixXd RawRows(const Statistics& statistics, Side side) {
  Backend& backend = *statistics.backend;
  const Eigen::VectorXd means =
      ToHost(backend,
             side == Side::kCandidate ? statistics.candidate_means
                                      : statistics.reference_means);
  Eigen::MatrixXd rows = CentredRows(statistics, side);
  rows.rowwise() += means.transpose();
  return rows;
}

void AddRawRows(Backend& backend,
                Side side,
                const Eigen::MatrixXd& derivative,
                Adjoint& adjoint) {
  const bool candidate = side == Side::kCandidate;
  AddInto(backend,
          ToBackend(backend, derivative),
          candidate ? adjoint.candidate_rows : adjoint.reference_rows);
  AddInto(backend,
          ToBackend(backend, derivative.colwise().sum().transpose()),
          candidate ? adjoint.candidate_means : adjoint.reference_means);
}

}  // namespace repscore
