#include "core/measures/registry.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/specification.h"

namespace repscore {
namespace {

struct Entry {
  const MeasureInfo& info;
  MeasureFactory make;
};

// One line per measure, in the order of the README's table.
const std::array<Entry, 9>& Entries() {
  static const std::array<Entry, 9> entries = {{
      {CkaInfo(), MakeCka},
      {CkaAngularInfo(), MakeCka},
      {CkaAngularScoreInfo(), MakeCka},
      {CkaDebiasedInfo(), MakeCkaDebiased},
      {NbsInfo(), MakeProcrustes},
      {ProcrustesAngleInfo(), MakeProcrustes},
      {ProcrustesAngularScoreInfo(), MakeProcrustes},
      {LinearR2Info(), MakeLinearR2},
      {RidgeR2Info(), MakeRidgeR2},
  }};
  return entries;
}

const Entry* Find(std::string_view id) {
  for (const Entry& entry : Entries()) {
    const auto& aliases = entry.info.aliases;
    if (entry.info.id == id ||
        std::find(aliases.begin(), aliases.end(), id) != aliases.end()) {
      return &entry;
    }
  }
  return nullptr;
}

absl::Status InField(std::string_view field, const absl::Status& status) {
  return {status.code(), StrCat(field, ": ", std::string(status.message()))};
}

}  // namespace

absl::Span<const MeasureInfo> RegisteredMeasures() {
  static const std::vector<MeasureInfo>& infos = *[] {
    auto* all = new std::vector<MeasureInfo>;
    for (const Entry& entry : Entries()) {
      all->push_back(entry.info);
    }
    return all;
  }();
  return infos;
}

std::string DefaultSpecification(const MeasureInfo& info) {
  const absl::StatusOr<std::shared_ptr<const Measure>> measure =
      CreateMeasure({.id = std::string(info.id), .explicit_folds = {}}, "id");
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
  const Entry* entry = Find(specification->id);
  if (entry == nullptr) {
    std::string known;
    for (const Entry& candidate : Entries()) {
      known += StrCat(known.empty() ? "" : ", ", candidate.info.id);
    }
    return absl::NotFoundError(StrCat(id_field,
                                      ": there is no measure \"",
                                      specification->id.substr(0, 100),
                                      "\"; there are ",
                                      known));
  }
  absl::StatusOr<Parameters> parameters =
      Parameters::Create(entry->info, *specification, request.explicit_folds);
  if (!parameters.ok()) {
    return InField(id_field, parameters.status());
  }
  absl::StatusOr<std::shared_ptr<const Measure>> measure =
      entry->make(entry->info, *parameters);
  if (!measure.ok()) {
    return InField(id_field, measure.status());
  }
  return measure;
}

}  // namespace repscore
