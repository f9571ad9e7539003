#include "core/base/digest.h"

#include <openssl/evp.h>

#include <array>
#include <new>
#include <utility>

namespace repscore {
namespace {

constexpr size_t kSha256Bytes = 32;

std::string ToHex(const std::array<unsigned char, kSha256Bytes>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    hex.push_back(kDigits[byte >> 4U]);
    hex.push_back(kDigits[byte & 15U]);
  }
  return hex;
}

}  // namespace

struct Sha256::Context {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> evp{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  // OpenSSL fails here only for want of memory.
  if (context_->evp == nullptr ||
      EVP_DigestInit_ex(context_->evp.get(), EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();
  }
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(absl::Span<const std::byte> bytes) {
  EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size());
}

void Sha256::Update(std::string_view text) {
  EVP_DigestUpdate(context_->evp.get(), text.data(), text.size());
}

std::string Sha256::HexDigest() {
  std::array<unsigned char, kSha256Bytes> bytes = {};
  EVP_DigestFinal_ex(context_->evp.get(), bytes.data(), nullptr);
  return ToHex(bytes);
}

std::string Sha256Hex(absl::Span<const std::byte> bytes) {
  Sha256 digest;
  digest.Update(bytes);
  return digest.HexDigest();
}

std::string Sha256Hex(std::string_view text) {
  Sha256 digest;
  digest.Update(text);
  return digest.HexDigest();
}

}  // namespace repscore
