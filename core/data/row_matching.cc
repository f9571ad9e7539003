#include "core/data/row_matching.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "core/base/text.h"

namespace repscore {
namespace {

constexpr size_t kNamedIds = 3;

/// Ids without repetition, in the order in which they first appear.
struct UniqueIds {
  std::vector<std::string> ids;
  std::unordered_map<std::string, size_t> position;
  /// Index of the first condition of every id.
  std::vector<size_t> first;

  explicit UniqueIds(const std::vector<std::string>& all) {
    for (size_t i = 0; i < all.size(); ++i) {
      if (position.emplace(all[i], ids.size()).second) {
        ids.push_back(all[i]);
        first.push_back(i);
      }
    }
  }
};

/// Time bins and conditions of an array of rank 1 to 3.
struct RowShape {
  int64_t times = 1;
  int64_t conditions = 0;

  explicit RowShape(const ArraySpec& spec) {
    const bool has_time = spec.shape.size() == 3;
    times = has_time ? spec.shape[0] : 1;
    conditions = has_time ? spec.shape[1] : spec.shape[0];
  }
};

ArraySpec WithConditions(ArraySpec spec, size_t conditions) {
  spec.shape[spec.shape.size() == 3 ? 1 : 0] = static_cast<int64_t>(conditions);
  return spec;
}

/// Rows averaged by target: condition c counts towards condition targets[c] of
/// `count`; each has at least one.
HostArray Averaged(const ArraySpec& spec,
                   absl::Span<const std::byte> data,
                   const std::vector<size_t>& targets,
                   size_t count) {
  const RowShape shape(spec);
  const auto features = static_cast<size_t>(FeatureCount(spec));
  const auto row_bytes = features * static_cast<size_t>(ElementSize(spec.type));
  std::vector<double> members(count, 0.0);
  for (const size_t target : targets) {
    members[target] += 1.0;
  }
  HostArray out;
  out.spec = WithConditions(spec, count);
  out.spec.type = DataType::kFloat64;
  const auto times = static_cast<size_t>(shape.times);
  std::vector<double> sums(times * count * features, 0.0);
  std::vector<double> row(features);
  for (size_t t = 0; t < times; ++t) {
    for (size_t c = 0; c < targets.size(); ++c) {
      ConvertToDouble(
          spec.type,
          data.subspan((t * targets.size() + c) * row_bytes, row_bytes),
          absl::MakeSpan(row));
      double* sum = sums.data() + (t * count + targets[c]) * features;
      for (size_t j = 0; j < features; ++j) {
        sum[j] += row[j];
      }
    }
    for (size_t c = 0; c < count; ++c) {
      double* sum = sums.data() + (t * count + c) * features;
      for (size_t j = 0; j < features; ++j) {
        sum[j] /= members[c];
      }
    }
  }
  out.data.resize(sums.size() * sizeof(double));
  std::memcpy(out.data.data(), sums.data(), out.data.size());
  return out;
}

/// Rows in another order, in their own type: targets is a permutation.
HostArray Reordered(const HostArray& array,
                    const std::vector<size_t>& targets) {
  const RowShape shape(array.spec);
  const auto row_bytes = static_cast<size_t>(FeatureCount(array.spec) *
                                             ElementSize(array.spec.type));
  HostArray out = {.spec = array.spec,
                   .data = std::vector<std::byte>(array.data.size())};
  for (size_t t = 0; t < static_cast<size_t>(shape.times); ++t) {
    for (size_t c = 0; c < targets.size(); ++c) {
      const size_t from = (t * targets.size() + c) * row_bytes;
      const size_t to = (t * targets.size() + targets[c]) * row_bytes;
      std::memcpy(out.data.data() + to, array.data.data() + from, row_bytes);
    }
  }
  return out;
}

template <typename T>
void Keep(const std::vector<size_t>& indices, std::vector<T>& values) {
  if (values.empty()) {
    return;
  }
  std::vector<T> kept;
  kept.reserve(indices.size());
  for (const size_t index : indices) {
    kept.push_back(values[index]);
  }
  values = std::move(kept);
}

/// "2 ids ('a', 'b')"
std::string Named(const std::vector<std::string>& ids) {
  std::string text = StrCat(ids.size(), ids.size() == 1 ? " id ('" : " ids ('");
  for (size_t i = 0; i < std::min(ids.size(), kNamedIds); ++i) {
    text = StrCat(text, i == 0 ? "" : "', '", ids[i]);
  }
  return StrCat(text, ids.size() > kNamedIds ? "', ...)" : "')");
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Dataset>> AverageRepetitions(
    std::shared_ptr<const Dataset> dataset) {
  const std::vector<std::string>& ids = dataset->description.row_ids;
  const UniqueIds unique(ids);
  if (unique.ids.size() == ids.size()) {
    return dataset;
  }
  if (static_cast<int64_t>(ids.size()) != dataset->conditions()) {
    return absl::InvalidArgumentError(StrCat("row_ids: ",
                                             ids.size(),
                                             " values for ",
                                             dataset->conditions(),
                                             " conditions or samples"));
  }
  std::vector<size_t> targets;
  targets.reserve(ids.size());
  for (const std::string& id : ids) {
    targets.push_back(unique.position.at(id));
  }
  auto averaged = std::make_shared<Dataset>();
  averaged->name = dataset->name;
  averaged->version = dataset->version;
  averaged->digest = dataset->digest;
  averaged->description = dataset->description;
  HostArray rows = Averaged(
      dataset->description.spec, dataset->data, targets, unique.ids.size());
  DatasetDescription& description = averaged->description;
  description.spec = std::move(rows.spec);
  averaged->data = std::move(rows.data);
  if (description.axes.size() >= 2) {
    Axis& axis = description.axes[description.axes.size() - 2];
    axis.size = static_cast<int64_t>(unique.ids.size());
    Keep(unique.first, axis.coordinates);
  }
  for (std::vector<NamedValues>* list :
       {&description.labels, &description.groups}) {
    for (NamedValues& entry : *list) {
      Keep(unique.first, entry.values);
    }
  }
  description.row_ids = unique.ids;
  averaged->repetitions = std::move(dataset);
  return averaged;
}

absl::StatusOr<HostArray> MatchRows(const Dataset& dataset,
                                    const HostArray& candidate,
                                    const std::vector<std::string>& ids,
                                    std::string_view field) {
  const auto refuse = [&](const std::string& text) {
    return absl::InvalidArgumentError(StrCat(field, ": ", text));
  };
  if (dataset.description.row_ids.empty()) {
    return refuse(StrCat(dataset.name,
                         " has no row ids to match; send the rows in its "
                         "order, without ids"));
  }
  const RowShape shape(candidate.spec);
  const RowShape wanted_shape(dataset.description.spec);
  if (static_cast<int64_t>(ids.size()) != shape.conditions) {
    return refuse(StrCat(ids.size(),
                         " ids for ",
                         shape.conditions,
                         " conditions or samples of ",
                         ToString(candidate.spec)));
  }
  if (shape.times != wanted_shape.times) {
    return refuse(
        StrCat("ids name conditions, so that the candidate must have "
               "the ",
               wanted_shape.times,
               " time bins of ",
               dataset.name,
               ", has ",
               shape.times));
  }
  const UniqueIds wanted(dataset.description.row_ids);
  const UniqueIds given(ids);
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  for (const std::string& id : wanted.ids) {
    if (!given.position.contains(id)) {
      missing.push_back(id);
    }
  }
  for (const std::string& id : given.ids) {
    if (!wanted.position.contains(id)) {
      extra.push_back(id);
    }
  }
  if (!missing.empty() || !extra.empty()) {
    std::string text;
    if (!missing.empty()) {
      text = StrCat("lacks ", Named(missing), " of ", dataset.name);
    }
    if (!extra.empty()) {
      text = StrCat(text,
                    missing.empty() ? "" : "; ",
                    "has ",
                    Named(extra),
                    " that ",
                    dataset.name,
                    " has not");
    }
    return refuse(text);
  }
  std::vector<size_t> targets;
  targets.reserve(ids.size());
  for (const std::string& id : ids) {
    targets.push_back(wanted.position.at(id));
  }
  if (given.ids.size() == ids.size()) {
    return Reordered(candidate, targets);
  }
  return Averaged(candidate.spec, candidate.data, targets, wanted.ids.size());
}

}  // namespace repscore
