#include "core/measures/registry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/specification.h"

namespace repscore {
namespace {

// One line per family, in the order of the README's table.
const std::vector<MeasureEntry>& Entries() {
  static const std::vector<MeasureEntry>& entries = *[] {
    auto* all = new std::vector<MeasureEntry>;
    const auto add = [all](std::vector<MeasureEntry> family) {
      std::move(family.begin(), family.end(), std::back_inserter(*all));
    };
    add(CkaFamily());
    add(CkaDebiasedFamily());
    add(KernelAlignmentFamily());
    add(MinibatchCkaFamily());
    add(MeanDiscrepancyFamily());
    add(ProcrustesFamily());
    add(ProcrustesDistanceFamily());
    add(ShapeAngularFamily());
    add(PermutationFamily());
    add(MatchFamily());
    add(ConvolutionalFamily());
    add(StochasticFamily());
    add(CcaFamily());
    add(RegularisedCcaFamily());
    add(SvccaFamily());
    add(LinearRegressionFamily());
    add(RidgeRegressionFamily());
    add(BandedRidgeFamily());
    add(GulpFamily());
    add(EffectiveDimensionFamily());
    add(RowGeometryFamily());
    add(RsaFamily());
    add(KnnFamily());
    add(IntrinsicDistanceFamily());
    add(TopologyFamily());
    add(DynamicsFamily());
    add(BrainScoreAlignmentFamily());
    add(PredictivityFamily());
    add(BrainScoreFamily());
    add(WrapperFamily());
    return all;
  }();
  return entries;
}

const MeasureEntry* Find(std::string_view id) {
  for (const MeasureEntry& entry : Entries()) {
    const auto& aliases = entry.info.aliases;
    if (entry.info.id == id ||
        std::find(aliases.begin(), aliases.end(), id) != aliases.end()) {
      return &entry;
    }
  }
  return nullptr;
}

absl::Status InField(std::string_view field, const absl::Status& status) {
  return {status.code(), StrCat(field, ": ", status.message())};
}

}  // namespace

absl::Span<const MeasureInfo> RegisteredMeasures() {
  static const std::vector<MeasureInfo>& infos = *[] {
    auto* all = new std::vector<MeasureInfo>;
    for (const MeasureEntry& entry : Entries()) {
      all->push_back(entry.info);
    }
    return all;
  }();
  return infos;
}

std::string DefaultSpecification(const MeasureInfo& info) {
  const absl::StatusOr<std::shared_ptr<const Measure>> measure =
      CreateMeasure({.id = std::string(info.id)}, "id");
  return measure.ok() ? (*measure)->id() : std::string(info.id);
}

absl::StatusOr<std::shared_ptr<const Measure>> CreateMeasure(
    const MeasureRequest& request, std::string_view field) {
  const std::string id_field = StrCat(field, field.empty() ? "id" : ".id");
  const absl::StatusOr<Specification> specification =
      ParseSpecification(request.id);
  if (!specification.ok()) {
    return InField(id_field, specification.status());
  }
  const MeasureEntry* entry = Find(specification->id);
  if (entry == nullptr) {
    std::string known;
    for (const MeasureEntry& candidate : Entries()) {
      known += StrCat(known.empty() ? "" : ", ", candidate.info.id);
    }
    return absl::NotFoundError(StrCat(id_field,
                                      ": there is no measure \"",
                                      specification->id.substr(0, 100),
                                      "\"; there are ",
                                      known));
  }
  absl::StatusOr<Parameters> parameters = Parameters::Create(
      entry->info,
      *specification,
      {.test = request.explicit_folds, .train = request.explicit_training});
  if (!parameters.ok()) {
    return InField(id_field, parameters.status());
  }
  absl::StatusOr<std::shared_ptr<const Measure>> measure =
      entry->make(entry->info, *parameters);
  if (!measure.ok()) {
    return InField(id_field, measure.status());
  }
  // What is echoed can be sent again.
  if (const absl::Status depth = CheckNesting((*measure)->id()); !depth.ok()) {
    return InField(id_field, depth);
  }
  return measure;
}

}  // namespace repscore
