// SHA-256, whole and incremental, as lower-case hex. Not thread-safe: one
// Sha256 per thread.
#ifndef REPSCORE_CORE_BASE_DIGEST_H_
#define REPSCORE_CORE_BASE_DIGEST_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace repscore {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(absl::Span<const std::byte> bytes);
  void Update(std::string_view text);

  /// 64 hex digits. The object may not be updated afterwards.
  std::string HexDigest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(absl::Span<const std::byte> bytes);
std::string Sha256Hex(std::string_view text);

}  // namespace repscore

#endif  // REPSCORE_CORE_BASE_DIGEST_H_
