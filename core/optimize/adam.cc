#include "core/optimize/adam.h"

#include <cmath>

#include "core/base/status_macros.h"

namespace repscore {

AdamState MakeAdamState(Backend& backend,
                        const Matrix& centred,
                        const Matrix& means,
                        ScalarType storage,
                        bool with_moments) {
  AdamState state;
  const int64_t n = centred.rows();
  const int64_t p = centred.cols();
  state.rows = backend.Allocate(n, p, storage);
  backend.Copy(centred, state.rows);
  state.next = backend.Allocate(n, p, storage);
  if (with_moments) {
    state.first = backend.Allocate(n, p, storage);
    state.second = backend.Allocate(n, p, storage);
    backend.Fill(0.0, state.first);
    backend.Fill(0.0, state.second);
  }
  state.means = means;
  return state;
}

AdamCoefficients CoefficientsOf(const AdamOptions& options, int64_t t) {
  const double steps = static_cast<double>(t);
  AdamCoefficients coefficients;
  coefficients.beta1 = options.beta1;
  coefficients.beta2 = options.beta2;
  coefficients.epsilon = options.epsilon;
  coefficients.step_size = options.learning_rate *
                           ScheduleFactor(options.schedule, t) /
                           (1.0 - std::pow(options.beta1, steps));
  coefficients.second_scale = 1.0 / (1.0 - std::pow(options.beta2, steps));
  return coefficients;
}

void WriteAdamState(Backend& backend,
                    CheckpointWriter& writer,
                    const AdamState& state) {
  for (const Matrix& part :
       {state.rows, state.first, state.second, state.means}) {
    if (!part.empty()) {
      writer.Write(backend, part);
    }
  }
  writer.Write(state.rows_squared);
}

absl::Status ReadAdamState(Backend& backend,
                           CheckpointReader& reader,
                           AdamState& state) {
  for (const Matrix& part :
       {state.rows, state.first, state.second, state.means}) {
    if (!part.empty()) {
      REPSCORE_RETURN_IF_ERROR(reader.Read(backend, part));
    }
  }
  return reader.Read(state.rows_squared);
}

}  // namespace repscore
