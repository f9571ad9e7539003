// Arrays on their way to and from the wire.
//
// Values and views; safe to use from any thread.
#ifndef REPSCORE_CLIENT_CPP_ARRAY_H_
#define REPSCORE_CLIENT_CPP_ARRAY_H_

#include <cstddef>

#include "absl/types/span.h"
#include "core/base/dtype.h"
#include "core/data/dataset.h"
#include "repscore/v1/types.pb.h"

namespace repscore::client {

/// Little-endian row-major elements that belong to the caller.
struct ArrayView {
  ArraySpec spec;
  absl::Span<const std::byte> data;
};

/// A view of `array`, which must outlive it.
ArrayView ViewOf(const HostArray& array);

v1::TensorSpec ToTensorSpec(const ArraySpec& spec);

/// Unknown element types become float64, which is what servers send.
ArraySpec ToArraySpec(const v1::TensorSpec& spec);

/// Copies the elements: for inline candidates and start points.
v1::Tensor ToTensor(const ArrayView& array);

}  // namespace repscore::client

#endif  // REPSCORE_CLIENT_CPP_ARRAY_H_
