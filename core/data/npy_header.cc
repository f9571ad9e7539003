#include "core/data/npy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"

namespace repscore {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kVersionEnd = 8;
/// Longer shapes are refused before they are stored.
constexpr size_t kMaxParsedRank = 64;

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("not a readable .npy file: ", std::string(what)));
}

struct TypeCode {
  std::string_view code;
  DataType type;
};

constexpr std::array<TypeCode, 12> kTypeCodes = {{
    {"f4", DataType::kFloat32},
    {"f8", DataType::kFloat64},
    {"f2", DataType::kFloat16},
    {"i1", DataType::kInt8},
    {"i2", DataType::kInt16},
    {"i4", DataType::kInt32},
    {"i8", DataType::kInt64},
    {"u1", DataType::kUint8},
    {"u2", DataType::kUint16},
    {"u4", DataType::kUint32},
    {"u8", DataType::kUint64},
    {"b1", DataType::kBool},
}};

std::string_view KindInWords(char kind) {
  switch (kind) {
    case 'O':
      return "Python objects (a pickle)";
    case 'c':
      return "complex numbers";
    case 'S':
    case 'a':
    case 'U':
      return "strings";
    case 'V':
      return "raw or structured records";
    case 'M':
    case 'm':
      return "dates or times";
    case 'f':
      return "floating point numbers of an unusual size";
    default:
      return "an unknown element type";
  }
}

absl::Status SetType(std::string_view description, NpyHeader& header) {
  const std::string shown =
      absl::CHexEscape(std::string(description.substr(0, 40)));
  if (description.size() < 2) {
    return Malformed(absl::StrCat("element type '", shown, "'"));
  }
  const char order = description.front();
  const std::string_view code = description.substr(1);
  if (order != '<' && order != '>' && order != '|') {
    return Malformed(absl::StrCat("byte order of element type '", shown, "'"));
  }
  const auto* const found = std::find_if(
      kTypeCodes.begin(), kTypeCodes.end(), [code](const TypeCode& known) {
        return known.code == code;
      });
  if (found == kTypeCodes.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("element type '",
                     shown,
                     "' holds ",
                     std::string(KindInWords(code.front())),
                     "; bool, int8-64, uint8-64 and float16-64 are read"));
  }
  if (order == '|' && ElementSize(found->type) != 1) {
    return Malformed(absl::StrCat("byte order of element type '", shown, "'"));
  }
  header.spec.type = found->type;
  header.is_big_endian = order == '>';
  return absl::OkStatus();
}

/// Reads the one form of Python literal that headers have: a dictionary of
/// descr, fortran_order and shape, each exactly once, in any order.
class DictionaryParser {
 public:
  explicit DictionaryParser(std::string_view text) : text_(text) {}

  absl::Status ParseInto(NpyHeader& header) {
    REPSCORE_RETURN_IF_ERROR(Expect('{'));
    while (!Accept('}')) {
      REPSCORE_ASSIGN_OR_RETURN(const std::string_view key, String());
      REPSCORE_RETURN_IF_ERROR(Expect(':'));
      REPSCORE_RETURN_IF_ERROR(Value(key, header));
      if (!Accept(',')) {
        REPSCORE_RETURN_IF_ERROR(Expect('}'));
        break;
      }
    }
    SkipBlanks();
    if (at_ != text_.size()) {
      return Unexpected("the end");
    }
    if (!has_type_ || !has_order_ || !has_shape_) {
      return Malformed("descr, fortran_order and shape must all be there");
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Value(std::string_view key, NpyHeader& header) {
    if (key == "descr" && !std::exchange(has_type_, true)) {
      if (Accept('[')) {
        return absl::InvalidArgumentError(
            "structured arrays (records with fields) are not read");
      }
      REPSCORE_ASSIGN_OR_RETURN(const std::string_view code, String());
      return SetType(code, header);
    }
    if (key == "fortran_order" && !std::exchange(has_order_, true)) {
      return Boolean(header.is_fortran_order);
    }
    if (key == "shape" && !std::exchange(has_shape_, true)) {
      return Shape(header.spec.shape);
    }
    return Malformed(
        absl::StrCat("unknown or repeated key '",
                     absl::CHexEscape(std::string(key.substr(0, 40))),
                     "'"));
  }

  absl::StatusOr<std::string_view> String() {
    SkipBlanks();
    const char quote = Peek();
    if (quote != '\'' && quote != '"') {
      return Unexpected("a string");
    }
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) {
      return Malformed("a string does not end");
    }
    const std::string_view content = text_.substr(at_ + 1, end - at_ - 1);
    if (content.find('\\') != std::string_view::npos) {
      return Malformed("escapes in a string");
    }
    at_ = end + 1;
    return content;
  }

  absl::Status Boolean(bool& value) {
    SkipBlanks();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        value = word == "True";
        return absl::OkStatus();
      }
    }
    return Unexpected("True or False");
  }

  absl::Status Shape(std::vector<int64_t>& shape) {
    REPSCORE_RETURN_IF_ERROR(Expect('('));
    bool had_comma = true;
    while (!Accept(')')) {
      if (!had_comma || shape.size() == kMaxParsedRank) {
        return Unexpected("the end of the shape");
      }
      SkipBlanks();
      int64_t size = 0;
      const char* const begin = text_.data() + at_;
      const auto [end, error] =
          std::from_chars(begin, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) {
        return Unexpected("a size that fits 63 bits");
      }
      at_ += static_cast<size_t>(end - begin);
      Accept('L');
      shape.push_back(size);
      had_comma = Accept(',');
    }
    if (shape.size() == 1 && !had_comma) {
      return Malformed("the shape is a number, not a tuple");
    }
    return absl::OkStatus();
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipBlanks() {
    while (Peek() == ' ' || Peek() == '\n') {
      ++at_;
    }
  }

  bool Accept(char wanted) {
    SkipBlanks();
    if (at_ < text_.size() && text_[at_] == wanted) {
      ++at_;
      return true;
    }
    return false;
  }

  absl::Status Expect(char wanted) {
    return Accept(wanted)
               ? absl::OkStatus()
               : Unexpected(absl::StrCat("'", std::string(1, wanted), "'"));
  }

  absl::Status Unexpected(std::string_view wanted) const {
    return Malformed(absl::StrCat("expected ",
                                  std::string(wanted),
                                  " at character ",
                                  at_,
                                  " of the header"));
  }

  std::string_view text_;
  size_t at_ = 0;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

template <size_t kSize>
using Element = std::array<std::byte, kSize>;

template <size_t kSize>
void SwapBytes(std::vector<std::byte>& bytes) {
  for (size_t at = 0; at + kSize <= bytes.size(); at += kSize) {
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(at),
                 bytes.begin() + static_cast<ptrdiff_t>(at + kSize));
  }
}

/// source [a x b x c] with the first index fastest -> the last index fastest.
template <size_t kSize>
std::vector<std::byte> ToRowMajor(const std::vector<std::byte>& source,
                                  size_t a,
                                  size_t b,
                                  size_t c) {
  constexpr size_t kTile = 32;
  std::vector<std::byte> out(source.size());
  const auto* const from =
      reinterpret_cast<const Element<kSize>*>(source.data());
  auto* const to = reinterpret_cast<Element<kSize>*>(out.data());
  for (size_t j = 0; j < b; ++j) {
    for (size_t i0 = 0; i0 < a; i0 += kTile) {
      for (size_t k0 = 0; k0 < c; k0 += kTile) {
        const size_t i1 = std::min(a, i0 + kTile);
        const size_t k1 = std::min(c, k0 + kTile);
        for (size_t i = i0; i < i1; ++i) {
          for (size_t k = k0; k < k1; ++k) {
            to[(i * b + j) * c + k] = from[i + a * (j + b * k)];
          }
        }
      }
    }
  }
  return out;
}

template <size_t kSize>
std::vector<std::byte> Reorder(const NpyHeader& header,
                               std::vector<std::byte> elements) {
  if (header.is_big_endian && kSize > 1) {
    SwapBytes<kSize>(elements);
  }
  const std::vector<int64_t>& shape = header.spec.shape;
  if (!header.is_fortran_order || shape.size() == 1) {
    return elements;
  }
  const size_t middle = shape.size() == 3 ? static_cast<size_t>(shape[1]) : 1;
  return ToRowMajor<kSize>(elements,
                           static_cast<size_t>(shape.front()),
                           middle,
                           static_cast<size_t>(shape.back()));
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::Span<const std::byte> prefix) {
  const std::string_view text(reinterpret_cast<const char*>(prefix.data()),
                              std::min(prefix.size(), kMaxNpyHeaderBytes));
  if (text.substr(0, kMagic.size()) != kMagic) {
    return Malformed("it does not begin with \\x93NUMPY");
  }
  if (text.size() < kVersionEnd) {
    return Malformed("the file ends inside the header");
  }
  const auto byte = [&text](size_t i) {
    return static_cast<size_t>(static_cast<unsigned char>(text[i]));
  };
  const size_t major = byte(6);
  if (major < 1 || major > 3 || byte(7) != 0) {
    return Malformed(
        absl::StrCat("format version ", major, ".", byte(7), " is unknown"));
  }
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t begin = kVersionEnd + length_bytes;
  if (text.size() < begin) {
    return Malformed("the file ends inside the header");
  }
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= byte(kVersionEnd + i) << (8 * i);
  }
  if (length > kMaxNpyHeaderBytes - begin) {
    return Malformed(absl::StrCat(
        "a header of ", length, " bytes, over ", kMaxNpyHeaderBytes));
  }
  if (text.size() - begin < length) {
    return Malformed("the file ends inside the header");
  }
  NpyHeader header;
  REPSCORE_RETURN_IF_ERROR(
      DictionaryParser(text.substr(begin, length)).ParseInto(header));
  REPSCORE_ASSIGN_OR_RETURN(header.data_bytes,
                            CheckedByteSize(header.spec, "array"));
  header.data_offset = static_cast<int64_t>(begin + length);
  return header;
}

absl::Status CheckNpyLength(const NpyHeader& header, int64_t file_bytes) {
  const int64_t behind = file_bytes - header.data_offset;
  if (behind == header.data_bytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      behind < header.data_bytes ? "truncated: " : "trailing bytes: ",
      ToString(header.spec),
      " takes ",
      header.data_bytes,
      " bytes, ",
      behind,
      " follow the header"));
}

HostArray ToHostArray(const NpyHeader& header,
                      std::vector<std::byte> elements) {
  HostArray array;
  array.spec = header.spec;
  switch (ElementSize(header.spec.type)) {
    case 1:
      array.data = Reorder<1>(header, std::move(elements));
      break;
    case 2:
      array.data = Reorder<2>(header, std::move(elements));
      break;
    case 4:
      array.data = Reorder<4>(header, std::move(elements));
      break;
    default:
      array.data = Reorder<8>(header, std::move(elements));
      break;
  }
  return array;
}

absl::StatusOr<std::string> FormatNpyHeader(const ArraySpec& spec) {
  constexpr size_t kAlignment = 64;
  constexpr size_t kPreambleBytes = 10;
  const auto* const found = std::find_if(
      kTypeCodes.begin(), kTypeCodes.end(), [&spec](const TypeCode& known) {
        return known.type == spec.type;
      });
  if (found == kTypeCodes.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "NumPy has no element type ", std::string(DataTypeName(spec.type))));
  }
  std::string dictionary =
      absl::StrCat("{'descr': '",
                   ElementSize(spec.type) == 1 ? "|" : "<",
                   std::string(found->code),
                   "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(spec.shape, ", "),
                   spec.shape.size() == 1 ? ",), }" : "), }");
  const size_t unpadded = kPreambleBytes + dictionary.size() + 1;
  dictionary.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dictionary.push_back('\n');
  std::string header(kMagic);
  header.push_back('\x01');
  header.push_back('\x00');
  header.push_back(static_cast<char>(dictionary.size() & 0xFFU));
  header.push_back(static_cast<char>(dictionary.size() >> 8U));
  return header + dictionary;
}

}  // namespace repscore
