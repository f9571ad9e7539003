// Feeds the fuzz targets with a seed corpus and with mutations of it that are
// the same in every run.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/core/data/array_files.h"
#include "tests/fuzz/fuzz_targets.h"

namespace repscore::fuzz {
namespace {

using testing::Bytes;
using testing::NpyBytes;
using testing::NpzBytes;
using testing::ReadWholeFile;
using testing::ToBytes;
using Target = bool (*)(absl::Span<const std::byte>);
using Corpus = std::vector<Bytes>;

constexpr char kGolden[] = REPSCORE_GOLDEN_FOLDER;

Bytes Golden(const std::string& name) {
  return ReadWholeFile(absl::StrCat(kGolden, "/", name));
}

Corpus NpySeeds() {
  Corpus seeds = {Golden("numpy_fortran.npy"),
                  Golden("numpy_v2.npy"),
                  Golden("numpy_object.npy")};
  for (const int version : {1, 2, 3}) {
    seeds.push_back(
        NpyBytes("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 1, 3)}",
                 "abcdefghijkl",
                 version));
  }
  return seeds;
}

Corpus NpzSeeds() {
  const Bytes small = NpyBytes(
      "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "abc");
  return {Golden("numpy.npz"),
          Golden("numpy_stored.npz"),
          NpzBytes({{"a.npy", small}}),
          NpzBytes({{"a.npy", small}, {"matrix.npy", small}}, ZIP_CM_STORE)};
}

/// Fragments that random bytes would not find.
const Corpus& Dictionary() {
  static const auto* const words =
      new Corpus{ToBytes("'shape'"),
                 ToBytes("'descr'"),
                 ToBytes("'fortran_order'"),
                 ToBytes("True"),
                 ToBytes("False"),
                 ToBytes("("),
                 ToBytes(")"),
                 ToBytes(","),
                 ToBytes("'<f8'"),
                 ToBytes("'|O'"),
                 ToBytes("-1"),
                 ToBytes("9223372036854775807"),
                 ToBytes("4294967296"),
                 ToBytes("0"),
                 ToBytes("PK\x01\x02"),
                 ToBytes("PK\x03\x04"),
                 ToBytes("PK\x05\x06"),
                 ToBytes("\xFF\xFF\xFF\xFF"),
                 ToBytes(std::string_view("\0\0\0\0", 4))};
  return *words;
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : engine_(seed) {}

  Bytes Mutate(const Corpus& seeds) {
    Bytes bytes = Pick(seeds);
    for (size_t i = 1 + Below(4); i > 0; --i) {
      MutateOnce(seeds, bytes);
    }
    return bytes;
  }

 private:
  size_t Below(size_t bound) {
    return bound == 0 ? 0 : static_cast<size_t>(engine_()) % bound;
  }

  const Bytes& Pick(const Corpus& corpus) {
    return corpus[Below(corpus.size())];
  }

  void Overwrite(Bytes& bytes, const Bytes& word) {
    const size_t at = Below(bytes.size());
    const size_t count = std::min(word.size(), bytes.size() - at);
    std::copy_n(
        word.begin(), count, bytes.begin() + static_cast<ptrdiff_t>(at));
  }

  void MutateOnce(const Corpus& seeds, Bytes& bytes) {
    const auto at = static_cast<ptrdiff_t>(Below(bytes.size()));
    switch (Below(7)) {
      case 0:
        if (!bytes.empty()) {
          bytes[static_cast<size_t>(at)] ^=
              static_cast<std::byte>(1U << Below(8));
        }
        break;
      case 1:
        bytes.resize(Below(bytes.size() + 1));
        break;
      case 2:
        Overwrite(bytes, Pick(Dictionary()));
        break;
      case 3: {
        const Bytes& word = Pick(Dictionary());
        bytes.insert(bytes.begin() + at, word.begin(), word.end());
        break;
      }
      case 4:
        bytes.erase(bytes.begin() + at,
                    bytes.begin() + at +
                        static_cast<ptrdiff_t>(Below(
                            std::min<size_t>(
                                16, bytes.size() - static_cast<size_t>(at)) +
                            1)));
        break;
      case 5: {
        const Bytes& other = Pick(seeds);
        const auto cut = static_cast<ptrdiff_t>(Below(other.size()));
        bytes.resize(static_cast<size_t>(at));
        bytes.insert(bytes.end(), other.begin() + cut, other.end());
        break;
      }
      default:
        if (!bytes.empty()) {
          bytes[static_cast<size_t>(at)] = static_cast<std::byte>(Below(256));
        }
        break;
    }
  }

  std::mt19937 engine_;
};

/// Returns how many inputs were accepted.
int Feed(Target target, const Corpus& seeds, int mutations) {
  int accepted = 0;
  for (const Bytes& seed : seeds) {
    accepted += target(seed) ? 1 : 0;
  }
  Mutator mutator(20240601);
  for (int i = 0; i < mutations; ++i) {
    const Bytes bytes = mutator.Mutate(seeds);
    accepted += target(bytes) ? 1 : 0;
  }
  return accepted;
}

TEST(FuzzTest, NpyReaderHoldsItsPromises) {
  constexpr int kMutations = 60000;

  const int accepted = Feed(npy, NpySeeds(), kMutations);

  EXPECT_GT(accepted, kMutations / 100);
  EXPECT_LT(accepted, kMutations);
}

TEST(FuzzTest, NpzReaderHoldsItsPromises) {
  constexpr int kMutations = 30000;

  const int accepted = Feed(npz, NpzSeeds(), kMutations);

  EXPECT_GT(accepted, kMutations / 100);
  EXPECT_LT(accepted, kMutations);
}

TEST(FuzzTest, EmptyInputIsRefused) {
  EXPECT_FALSE(npy({}));
  EXPECT_FALSE(npz({}));
}

}  // namespace
}  // namespace repscore::fuzz
