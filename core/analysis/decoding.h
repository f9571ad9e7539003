// How well the labels of a dataset can be read from a representation: L2
// logistic regression, cross-validated (Cloos et al. 2024, section 4).
//
// A Decoder keeps the solution of every fit and starts the next one there, so
// that following an optimisation costs little. Host-side; not thread-safe.
#ifndef REPSCORE_CORE_ANALYSIS_DECODING_H_
#define REPSCORE_CORE_ANALYSIS_DECODING_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/data/dataset.h"

namespace repscore {

struct DecodingOptions {
  /// Weight of the data against the penalty |w|^2 / 2, as scikit-learn's C.
  double c = 1.0;
  /// Stratified folds of conditions, shuffled within every class.
  int64_t folds = 5;
  uint64_t seed = 0;
  /// One decoder per time bin, accuracies averaged; else one over all bins, a
  /// condition's bins staying in one fold.
  bool per_time_bin = true;
  /// Name of a label whose classes are the folds instead: train on all other
  /// values, test on one (cross-condition generalisation).
  std::string folds_of = {};
};

/// A label as a decoder sees it.
struct DecodedLabel {
  std::string label;
  int64_t classes = 0;
  /// Share of the largest class: what guessing it every time gets.
  double chance = 0.0;
  /// Accuracy on the recording itself.
  double reference_accuracy = 0.0;
};

struct DecodingResult {
  std::string label;
  int64_t classes = 0;
  /// Mean over folds, then over time bins.
  double accuracy = 0.0;
  /// Share of the largest class: what guessing it every time gets.
  double chance = 0.0;
  /// Per time bin; one entry without a time axis or over all bins.
  std::vector<double> bins;
};

class Decoder {
 public:
  /// Of one label of the dataset. InvalidArgument, naming "label" or "folds",
  /// when there is no such label, it has fewer than two classes, a class has
  /// fewer members than folds, or a training set lacks a class.
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(
      const Dataset& dataset,
      const std::string& label,
      const DecodingOptions& options);

  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const std::string& label() const;

  /// DecodeTogether of this one, by one thread.
  absl::StatusOr<DecodingResult> Decode(absl::Span<const double> rows,
                                        int64_t features);

  /// The kept solutions, for SetState of a decoder of the same label, dataset
  /// and options; empty before the first Decode.
  std::vector<double> State() const;
  /// DataLoss when `state` is not such a state.
  absl::Status SetState(absl::Span<const double> state);

 private:
  class Fits;
  friend absl::StatusOr<std::vector<DecodingResult>> DecodeTogether(
      absl::Span<Decoder* const> decoders,
      absl::Span<const double> rows,
      int64_t features,
      int threads);

  explicit Decoder(std::unique_ptr<Fits> fits);

  std::unique_ptr<Fits> fits_;
};

/// Decodes several labels of one dataset from the same rows, which are made
/// ready once; one result each, whatever the number of threads.
/// `rows` are row-major [n x features], as they are (no standardising), in the
/// dataset's order. InvalidArgument when their number is not n * features or
/// one is not finite.
absl::StatusOr<std::vector<DecodingResult>> DecodeTogether(
    absl::Span<Decoder* const> decoders,
    absl::Span<const double> rows,
    int64_t features,
    int threads);

}  // namespace repscore

#endif  // REPSCORE_CORE_ANALYSIS_DECODING_H_
