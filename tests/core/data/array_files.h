// Builds .npy and .npz bytes for tests, well-formed or not.
#ifndef REPSCORE_TESTS_CORE_DATA_ARRAY_FILES_H_
#define REPSCORE_TESTS_CORE_DATA_ARRAY_FILES_H_

#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace repscore::testing {

using Bytes = std::vector<std::byte>;

inline Bytes ToBytes(std::string_view text) {
  Bytes bytes(text.size());
  if (!text.empty()) {
    std::memcpy(bytes.data(), text.data(), text.size());
  }
  return bytes;
}

template <typename T>
std::vector<T> FromBytes(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  }
  return values;
}

/// An .npy file: `dictionary` behind magic, version and length, then
/// `elements`.
inline Bytes NpyBytes(std::string_view dictionary,
                      std::string_view elements,
                      int major = 1) {
  std::string text("\x93NUMPY", 6);
  text.push_back(static_cast<char>(major));
  text.push_back('\0');
  const int length_bytes = major == 1 ? 2 : 4;
  for (int i = 0; i < length_bytes; ++i) {
    text.push_back(static_cast<char>((dictionary.size() >> (8 * i)) & 0xFFU));
  }
  text.append(dictionary);
  text.append(elements);
  return ToBytes(text);
}

/// An .npz file of (member name, member bytes), deflated or stored.
inline Bytes NpzBytes(const std::vector<std::pair<std::string, Bytes>>& members,
                      zip_int32_t method = ZIP_CM_DEFLATE) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const sink = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(sink);
  zip_t* const archive = zip_open_from_source(sink, ZIP_TRUNCATE, &error);
  for (const auto& [name, bytes] : members) {
    zip_source_t* const source =
        zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t index =
        zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    zip_set_file_compression(
        archive, static_cast<zip_uint64_t>(index), method, 9);
  }
  zip_close(archive);
  zip_stat_t stat;
  zip_source_stat(sink, &stat);
  Bytes bytes(stat.size);
  zip_source_open(sink);
  zip_source_read(sink, bytes.data(), bytes.size());
  zip_source_close(sink);
  zip_source_free(sink);
  return bytes;
}

inline Bytes ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return ToBytes(std::string(std::istreambuf_iterator<char>(file), {}));
}

inline void WriteWholeFile(const std::string& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace repscore::testing

#endif  // REPSCORE_TESTS_CORE_DATA_ARRAY_FILES_H_
