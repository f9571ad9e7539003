#include "server/convert.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/random.h"
#include "core/base/status_macros.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/error.h"

namespace repscore::server {
namespace {

constexpr size_t kNameBytes = 512;
constexpr size_t kMeasureBytes = 4096;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kNanosPerMicro = 1000;

constexpr std::array<std::pair<v1::DataType, DataType>, 13> kDataTypes = {{
    {v1::DATA_TYPE_FLOAT32, DataType::kFloat32},
    {v1::DATA_TYPE_FLOAT64, DataType::kFloat64},
    {v1::DATA_TYPE_FLOAT16, DataType::kFloat16},
    {v1::DATA_TYPE_BFLOAT16, DataType::kBfloat16},
    {v1::DATA_TYPE_INT8, DataType::kInt8},
    {v1::DATA_TYPE_INT16, DataType::kInt16},
    {v1::DATA_TYPE_INT32, DataType::kInt32},
    {v1::DATA_TYPE_INT64, DataType::kInt64},
    {v1::DATA_TYPE_UINT8, DataType::kUint8},
    {v1::DATA_TYPE_UINT16, DataType::kUint16},
    {v1::DATA_TYPE_UINT32, DataType::kUint32},
    {v1::DATA_TYPE_UINT64, DataType::kUint64},
    {v1::DATA_TYPE_BOOL, DataType::kBool},
}};

absl::StatusOr<DataType> ToDataType(v1::DataType type,
                                    const std::string& field) {
  for (const auto& [wire, core] : kDataTypes) {
    if (wire == type) {
      return core;
    }
  }
  return FieldError(
      field,
      type == v1::DATA_TYPE_UNSPECIFIED
          ? std::string("is not set")
          : absl::StrCat("has the unknown value ", static_cast<int>(type)));
}

}  // namespace

absl::Status CheckName(const std::string& name, const std::string& field) {
  if (name.empty()) {
    return FieldError(field, "is not set");
  }
  return CheckText(name, field, kNameBytes);
}

absl::Status CheckPage(int32_t page_size, const std::string& page_token) {
  if (page_size < 0) {
    return FieldError("page_size",
                      absl::StrCat("must not be negative, is ", page_size));
  }
  return CheckText(page_token, "page_token", kMeasureBytes);
}

absl::StatusOr<ArraySpec> ToArraySpec(const v1::TensorSpec& spec,
                                      const std::string& field) {
  ArraySpec result;
  REPSCORE_ASSIGN_OR_RETURN(result.type,
                            ToDataType(spec.data_type(), field + ".data_type"));
  result.shape.assign(spec.shape().begin(), spec.shape().end());
  REPSCORE_RETURN_IF_ERROR(CheckedByteSize(result, field).status());
  return result;
}

absl::StatusOr<ArraySpec> CheckTensor(const v1::Tensor& tensor,
                                      const std::string& field) {
  REPSCORE_ASSIGN_OR_RETURN(ArraySpec spec,
                            ToArraySpec(tensor.spec(), field + ".spec"));
  REPSCORE_ASSIGN_OR_RETURN(const int64_t bytes,
                            CheckedByteSize(spec, field + ".spec"));
  if (static_cast<uint64_t>(bytes) != tensor.data().size()) {
    return FieldError(field + ".data",
                      absl::StrCat("has ",
                                   tensor.data().size(),
                                   " bytes, but ",
                                   ToString(spec),
                                   " needs ",
                                   bytes));
  }
  return spec;
}

absl::StatusOr<HostArray> ToHostArray(const v1::Tensor& tensor,
                                      const std::string& field) {
  HostArray array;
  REPSCORE_ASSIGN_OR_RETURN(array.spec, CheckTensor(tensor, field));
  array.data.resize(tensor.data().size());
  std::memcpy(array.data.data(), tensor.data().data(), tensor.data().size());
  return array;
}

MeasureRequest ToMeasureRequest(const v1::MeasureSpec& spec) {
  MeasureRequest request;
  request.id = spec.id();
  for (const v1::RowIndices& fold : spec.explicit_folds()) {
    request.explicit_folds.emplace_back(fold.rows().begin(), fold.rows().end());
  }
  for (const v1::RowIndices& fold : spec.explicit_training()) {
    request.explicit_training.emplace_back(fold.rows().begin(),
                                           fold.rows().end());
  }
  return request;
}

absl::StatusOr<std::shared_ptr<const Measure>> ToMeasure(
    const v1::MeasureSpec& spec, const std::string& field) {
  const std::string id_field = field + ".id";
  if (spec.id().empty()) {
    return FieldError(id_field, "is not set");
  }
  REPSCORE_RETURN_IF_ERROR(CheckText(spec.id(), id_field, kMeasureBytes));
  auto measure = CreateMeasure(ToMeasureRequest(spec), field);
  if (measure.status().code() == absl::StatusCode::kNotFound) {
    return WithReason(measure.status(), "MEASURE_NOT_FOUND");
  }
  return measure;
}

absl::Status RequireGradient(const Measure& measure, const std::string& field) {
  if (measure.info().differentiable) {
    return absl::OkStatus();
  }
  std::string known;
  for (const MeasureInfo& info : RegisteredMeasures()) {
    if (info.differentiable) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(info.id));
    }
  }
  return FieldError(
      field + ".id",
      absl::StrCat(measure.id(), " has no gradient; these have one: ", known));
}

absl::StatusOr<Measures> ToMeasures(
    const google::protobuf::RepeatedPtrField<v1::MeasureSpec>& specs,
    const std::string& field) {
  if (specs.size() > kMaxMeasures) {
    return FieldError(field,
                      absl::StrCat("has ",
                                   specs.size(),
                                   " measures, at most ",
                                   kMaxMeasures,
                                   " are allowed"));
  }
  Measures measures;
  for (int i = 0; i < specs.size(); ++i) {
    REPSCORE_ASSIGN_OR_RETURN(
        auto measure, ToMeasure(specs[i], absl::StrCat(field, "[", i, "]")));
    measures.push_back(std::move(measure));
  }
  return measures;
}

v1::TensorSpec ToProto(const ArraySpec& spec) {
  v1::TensorSpec result;
  for (const auto& [wire, core] : kDataTypes) {
    if (core == spec.type) {
      result.set_data_type(wire);
    }
  }
  *result.mutable_shape() = {spec.shape.begin(), spec.shape.end()};
  return result;
}

v1::MeasureDescription ToProto(const MeasureInfo& info,
                               const std::string& canonical) {
  v1::MeasureDescription result;
  result.set_id(std::string(info.id));
  result.set_canonical(canonical);
  for (const std::string_view alias : info.aliases) {
    result.add_aliases(std::string(alias));
  }
  result.set_summary(std::string(info.summary));
  result.set_orientation(info.orientation == Orientation::kScore
                             ? v1::ORIENTATION_SCORE
                             : v1::ORIENTATION_DISTANCE);
  result.set_lowest(info.lowest);
  result.set_highest(info.highest);
  result.set_symmetric(info.symmetric);
  result.set_metric(info.metric);
  result.set_differentiable(info.differentiable);
  for (const std::string_view invariance : info.invariances) {
    result.add_invariances(std::string(invariance));
  }
  for (const ParameterInfo& parameter : info.parameters) {
    v1::MeasureParameter* item = result.add_parameters();
    item->set_name(std::string(parameter.name));
    item->set_default_value(std::string(parameter.default_value));
    item->set_description(std::string(parameter.description));
  }
  result.set_source(std::string(info.source));
  result.set_minimum_rows(info.minimum_rows);
  result.set_exact_at_equality(info.exact_at_equality);
  result.set_cost(std::string(info.cost));
  for (const std::string_view name : info.known_as) {
    result.add_known_as(std::string(name));
  }
  for (const std::string_view example : info.examples) {
    result.add_examples(std::string(example));
  }
  return result;
}

v1::Provenance MakeProvenance(const std::string& dataset_version,
                              const std::string& dataset_digest,
                              const std::string& backend,
                              v1::Precision precision) {
  v1::Provenance provenance;
  provenance.set_dataset_version(dataset_version);
  provenance.set_dataset_digest(dataset_digest);
  provenance.set_server_version(REPSCORE_VERSION);
  provenance.set_backend(backend);
  provenance.set_precision(precision);
  provenance.set_random_algorithm(std::string(Philox::kName));
  return provenance;
}

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void SetTimestamp(int64_t micros, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(micros / kMicrosPerSecond);
  timestamp->set_nanos(
      static_cast<int32_t>(micros % kMicrosPerSecond * kNanosPerMicro));
}

}  // namespace repscore::server
