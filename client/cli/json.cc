#include "client/cli/json.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <cmath>
#include <iostream>
#include <utility>

namespace repscore::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kIndent = 2;

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// The value of a singular field, or of element `index` of a repeated one.
template <typename Single, typename Repeated>
auto Value(const Message& message,
           const FieldDescriptor& field,
           int index,
           Single single,
           Repeated repeated) {
  const Reflection* reflection = message.GetReflection();
  return field.is_repeated() ? (reflection->*repeated)(message, &field, index)
                             : (reflection->*single)(message, &field);
}

const Message& Child(const Message& message,
                     const FieldDescriptor& field,
                     int index) {
  const Reflection* reflection = message.GetReflection();
  return field.is_repeated()
             ? reflection->GetRepeatedMessage(message, &field, index)
             : reflection->GetMessage(message, &field);
}

Json FieldToJson(const Message& message,
                 const FieldDescriptor& field,
                 int index) {
  const auto get = [&](auto single, auto repeated) {
    return Value(message, field, index, single, repeated);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return ToJson(
          get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return ToJson(static_cast<double>(
          get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(&Reflection::GetBool, &Reflection::GetRepeatedBool);
    case FieldDescriptor::CPPTYPE_ENUM:
      return get(&Reflection::GetEnum, &Reflection::GetRepeatedEnum)->name();
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text =
          get(&Reflection::GetString, &Reflection::GetRepeatedString);
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        return text.size();
      }
      return text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToJson(Child(message, field, index));
  }
  return nullptr;
}

Json MapToJson(const Message& message, const FieldDescriptor& field) {
  Json json = Json::object();
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < size; ++i) {
    const Message& entry = Child(message, field, i);
    const Json key = FieldToJson(entry, *field.message_type()->map_key(), 0);
    json[key.is_string() ? key.get<std::string>() : Dump(key, -1)] =
        FieldToJson(entry, *field.message_type()->map_value(), 0);
  }
  return json;
}

Json ListToJson(const Message& message, const FieldDescriptor& field) {
  Json json = Json::array();
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < size; ++i) {
    json.push_back(FieldToJson(message, field, i));
  }
  return json;
}

Json AnyToJson(const google::protobuf::Any& any) {
  Json json = {{"@type", any.type_url()}};
  const std::string& url = any.type_url();
  const auto* type =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
          url.substr(url.rfind('/') + 1));
  if (type != nullptr) {
    const std::unique_ptr<Message> message(
        google::protobuf::MessageFactory::generated_factory()
            ->GetPrototype(type)
            ->New());
    if (message->ParseFromString(any.value())) {
      json.update(ToJson(*message));
    }
  }
  return json;
}

}  // namespace

Json ToJson(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "Infinity" : "-Infinity";
  }
  return value;
}

Json ToJson(const Message& message) {
  using google::protobuf::util::TimeUtil;
  if (const auto* time =
          dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
    return TimeUtil::ToString(*time);
  }
  if (const auto* duration =
          dynamic_cast<const google::protobuf::Duration*>(&message)) {
    return static_cast<double>(duration->seconds()) + duration->nanos() * 1e-9;
  }
  if (const auto* any = dynamic_cast<const google::protobuf::Any*>(&message)) {
    return AnyToJson(*any);
  }
  Json json = Json::object();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_map()) {
      json[field.name()] = MapToJson(message, field);
    } else if (field.is_repeated()) {
      json[field.name()] = ListToJson(message, field);
    } else if (!field.has_presence() ||
               message.GetReflection()->HasField(message, &field)) {
      json[field.name()] = FieldToJson(message, field, 0);
    }
  }
  return json;
}

void PrintDocument(const Json& json) {
  std::cout << Dump(json, kIndent) << '\n';
}

void PrintLine(const Json& json) {
  std::cout << Dump(json, -1) << std::endl;
}

}  // namespace repscore::cli
