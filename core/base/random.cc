#include "core/base/random.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

namespace repscore {
namespace {

constexpr int kRounds = 10;
constexpr uint64_t kMultiplier0 = 0xD2511F53U;
constexpr uint64_t kMultiplier1 = 0xCD9E8D57U;
constexpr uint32_t kWeyl0 = 0x9E3779B9U;
constexpr uint32_t kWeyl1 = 0xBB67AE85U;

constexpr uint32_t Low(uint64_t value) {
  return static_cast<uint32_t>(value);
}
constexpr uint32_t High(uint64_t value) {
  return static_cast<uint32_t>(value >> 32U);
}

uint64_t Join(uint32_t low, uint32_t high) {
  return (static_cast<uint64_t>(high) << 32U) | low;
}

/// The middles of 2^52 equal cells: never 0 or 1.
double ToUnitInterval(uint64_t bits) {
  return (static_cast<double>(bits >> 12U) + 0.5) * 0x1p-52;
}

}  // namespace

std::array<uint32_t, 4> Philox::Block(uint64_t counter) const {
  std::array<uint32_t, 4> x = {
      Low(counter), High(counter), Low(stream_), High(stream_)};
  uint32_t key0 = Low(seed_);
  uint32_t key1 = High(seed_);
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * x[0];
    const uint64_t product1 = kMultiplier1 * x[2];
    x = {High(product1) ^ x[1] ^ key0,
         Low(product1),
         High(product0) ^ x[3] ^ key1,
         Low(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return x;
}

double Philox::Uniform(uint64_t index) const {
  const std::array<uint32_t, 4> x = Block(index / 2);
  return ToUnitInterval(index % 2 == 0 ? Join(x[0], x[1]) : Join(x[2], x[3]));
}

void Philox::FillNormal(uint64_t first, absl::Span<double> out) const {
  size_t filled = 0;
  while (filled < out.size()) {
    const uint64_t index = first + filled;
    const std::array<uint32_t, 4> x = Block(index / 2);
    const double u = ToUnitInterval(Join(x[0], x[1]));
    const double v = ToUnitInterval(Join(x[2], x[3]));
    // z_0 = sqrt(-2 ln u) cos(2 pi v), z_1 = sqrt(-2 ln u) sin(2 pi v)
    const double radius = std::sqrt(-2.0 * std::log(u));
    const double angle = 2.0 * std::numbers::pi * v;
    if (index % 2 == 0) {
      out[filled++] = radius * std::cos(angle);
    }
    if (filled < out.size()) {
      out[filled++] = radius * std::sin(angle);
    }
  }
}

std::vector<int64_t> Philox::Permutation(int64_t size) const {
  std::vector<int64_t> permutation(
      static_cast<size_t>(size > 0 ? size : int64_t{0}));
  std::iota(permutation.begin(), permutation.end(), int64_t{0});
  uint64_t counter = 0;
  for (size_t remaining = permutation.size(); remaining > 1; --remaining) {
    // Draws from the uneven last stretch of 2^64 are thrown away.
    constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
    const uint64_t limit = kMax - kMax % remaining;
    uint64_t draw = kMax;
    while (draw >= limit) {
      const std::array<uint32_t, 4> x = Block(counter++);
      draw = Join(x[0], x[1]);
    }
    std::swap(permutation[remaining - 1], permutation[draw % remaining]);
  }
  return permutation;
}

}  // namespace repscore
