#include "core/optimize/lbfgs.h"

#include <cmath>
#include <utility>

#include "core/base/status_macros.h"

namespace repscore {
namespace {

double DotOf(Backend& backend, const Variables& a, const Variables& b) {
  std::vector<std::pair<Matrix, Matrix>> pairs;
  for (size_t i = 0; i < a.size(); ++i) {
    pairs.emplace_back(a[i], b[i]);
  }
  double sum = 0.0;
  for (const double dot : backend.Dots(pairs)) {
    sum += dot;
  }
  return sum;
}

void Add(Backend& backend,
         double alpha,
         const Variables& from,
         double beta,
         const Variables& into) {
  for (size_t i = 0; i < from.size(); ++i) {
    backend.Axpby(alpha, from[i], beta, into[i]);
  }
}

}  // namespace

Lbfgs::Lbfgs(const LbfgsOptions& options, absl::Span<const Matrix> like)
    : options_(options), like_(like.begin(), like.end()) {}

Variables Lbfgs::New(Backend& backend) const {
  Variables variables;
  for (const Matrix& matrix : like_) {
    variables.push_back(
        backend.Allocate(matrix.rows(), matrix.cols(), matrix.type()));
  }
  return variables;
}

Lbfgs::Direction Lbfgs::Aim(Backend& backend, Variables gradient) {
  Direction direction;
  if (!last_step_.empty()) {
    // Of the negated objective: gradients fall along an upward step.
    Pair pair;
    pair.step = std::move(last_step_);
    pair.change = std::move(last_gradient_);
    Add(backend, -1.0, gradient, 1.0, pair.change);
    pair.curvature = DotOf(backend, pair.step, pair.change);
    last_step_.clear();
    if (pair.curvature > 0.0) {
      direction.is_scaled = true;
      pairs_.push_back(std::move(pair));
      if (static_cast<int64_t>(pairs_.size()) > options_.memory) {
        pairs_.pop_front();
      }
    }
  }
  direction.rows = New(backend);
  Add(backend, 1.0, gradient, 0.0, direction.rows);
  std::vector<double> alphas(pairs_.size());
  for (size_t i = pairs_.size(); i-- > 0;) {
    const Pair& pair = pairs_[i];
    alphas[i] = DotOf(backend, pair.step, direction.rows) / pair.curvature;
    Add(backend, -alphas[i], pair.change, 1.0, direction.rows);
  }
  double scale = 0.0;
  if (pairs_.empty()) {
    const double squared = DotOf(backend, gradient, gradient);
    scale = squared > 0.0 ? options_.initial_step / std::sqrt(squared) : 0.0;
  } else {
    const Pair& last = pairs_.back();
    scale = last.curvature / DotOf(backend, last.change, last.change);
  }
  Add(backend, 0.0, direction.rows, scale, direction.rows);
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const Pair& pair = pairs_[i];
    const double beta =
        DotOf(backend, pair.change, direction.rows) / pair.curvature;
    Add(backend, alphas[i] - beta, pair.step, 1.0, direction.rows);
  }
  direction.slope = DotOf(backend, gradient, direction.rows);
  last_gradient_ = std::move(gradient);
  return direction;
}

void Lbfgs::Took(Backend& backend, const Direction& direction, double length) {
  last_step_ = New(backend);
  Add(backend, length, direction.rows, 0.0, last_step_);
}

void Lbfgs::Forget() {
  pairs_.clear();
  last_step_.clear();
}

int64_t Lbfgs::bytes() const {
  int64_t variables = 0;
  for (const Matrix& matrix : like_) {
    variables += matrix.bytes();
  }
  const auto kept = static_cast<int64_t>(2 * pairs_.size());
  return (kept + (last_step_.empty() ? 0 : 2)) * variables;
}

void Lbfgs::Write(Backend& backend, CheckpointWriter& writer) const {
  writer.Write(static_cast<int64_t>(pairs_.size()));
  const auto write = [&](const Variables& variables) {
    for (const Matrix& matrix : variables) {
      writer.Write(backend, matrix);
    }
  };
  for (const Pair& pair : pairs_) {
    writer.Write(pair.curvature);
    write(pair.step);
    write(pair.change);
  }
  writer.Write(static_cast<int64_t>(last_step_.empty() ? 0 : 1));
  if (!last_step_.empty()) {
    write(last_step_);
    write(last_gradient_);
  }
}

absl::Status Lbfgs::ReadRows(Backend& backend,
                             CheckpointReader& reader,
                             Variables& variables) const {
  variables = New(backend);
  for (const Matrix& matrix : variables) {
    REPSCORE_RETURN_IF_ERROR(reader.Read(backend, matrix));
  }
  return absl::OkStatus();
}

absl::Status Lbfgs::Read(Backend& backend, CheckpointReader& reader) {
  int64_t count = 0;
  REPSCORE_RETURN_IF_ERROR(reader.Read(count));
  if (count < 0 || count > options_.memory) {
    return absl::DataLossError("checkpoint: it belongs to another run");
  }
  pairs_.clear();
  for (int64_t i = 0; i < count; ++i) {
    Pair& pair = pairs_.emplace_back();
    REPSCORE_RETURN_IF_ERROR(reader.Read(pair.curvature));
    REPSCORE_RETURN_IF_ERROR(ReadRows(backend, reader, pair.step));
    REPSCORE_RETURN_IF_ERROR(ReadRows(backend, reader, pair.change));
  }
  int64_t has_step = 0;
  REPSCORE_RETURN_IF_ERROR(reader.Read(has_step));
  last_step_.clear();
  last_gradient_.clear();
  if (has_step == 0) {
    return absl::OkStatus();
  }
  REPSCORE_RETURN_IF_ERROR(ReadRows(backend, reader, last_step_));
  return ReadRows(backend, reader, last_gradient_);
}

}  // namespace repscore
