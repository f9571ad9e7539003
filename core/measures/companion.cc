#include "core/measures/companion.h"

#include <string_view>

namespace repscore {
namespace {

constexpr std::string_view kBiased = "bias=biased";

}  // namespace

std::optional<std::string> DebiasedCompanion(const Measure& measure) {
  const std::string& id = measure.id();
  const std::string_view family = measure.info().id;
  if (family == "cka" || family == "cka.angular" ||
      family == "cka.angular_score" ||
      family == "brainscore.vision.cka_biased") {
    return "cka.debiased";
  }
  if (family == "dcor") {
    return "dcor.unbiased";
  }
  if (family == "mmd") {
    // A distance, which has no unbiased form.
    return std::nullopt;
  }
  if (const size_t at = id.find(kBiased); at != std::string::npos) {
    std::string unbiased = id;
    return unbiased.replace(at, kBiased.size(), "bias=unbiased");
  }
  return std::nullopt;
}

}  // namespace repscore
