// Text put together from pieces. Debian's Abseil has a string_view of its own,
// which its StrCat does not take from std::string_view.
#ifndef REPSCORE_CORE_BASE_TEXT_H_
#define REPSCORE_CORE_BASE_TEXT_H_

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace repscore {

template <typename T>
decltype(auto) TextPiece(const T& piece) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return absl::string_view(piece.data(), piece.size());
  } else {
    return (piece);
  }
}

/// As absl::StrCat, for std::string_view too.
template <typename... Pieces>
std::string StrCat(const Pieces&... pieces) {
  return absl::StrCat(TextPiece(pieces)...);
}

/// For Abseil functions that take its own string_view.
inline absl::string_view AbslView(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_TEXT_H_
