// Messages of the wire as JSON for scripts.
#ifndef REPSCORE_CLIENT_CLI_JSON_H_
#define REPSCORE_CLIENT_CLI_JSON_H_

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

namespace repscore::cli {

using Json = nlohmann::ordered_json;

/// Field names as in the .proto files; enumerators by name; times in RFC 3339;
/// durations in seconds; NaN and infinities as "NaN", "Infinity", "-Infinity";
/// bytes as their number. Scalars and lists are always there, messages and
/// optional fields only when they are set.
Json ToJson(const google::protobuf::Message& message);

/// NaN and infinities as strings, which JSON has no numbers for.
Json ToJson(double value);

/// One document on stdout, indented.
void PrintDocument(const Json& json);

/// One document in one line, flushed.
void PrintLine(const Json& json);

/// A list of messages as a document {key: [...]} on stdout.
template <typename Messages>
void PrintList(const char* key, const Messages& messages) {
  Json list = Json::array();
  for (const auto& message : messages) {
    list.push_back(ToJson(message));
  }
  PrintDocument(Json{{key, std::move(list)}});
}

}  // namespace repscore::cli

#endif  // REPSCORE_CLIENT_CLI_JSON_H_
