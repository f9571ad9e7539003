// Random programs on an emulated device and on the CPU: whatever operations
// come in whatever order, with matrices that come and go, results that are
// asked for in between and a sibling that reads along, both hold the same
// numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/backend/create.h"
#include "core/backend/cuda/cuda_device.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
constexpr int64_t kSizes[] = {1, 3, 8, 17};

/// The same matrix in both places.
struct Twin {
  Matrix host;
  Matrix device;
};

class Program {
 public:
  Program(Backend& host, Backend& device, uint32_t seed)
      : host_(host),
        device_(device),
        sibling_(device.Sibling(1)),
        random_(seed) {
    for (int i = 0; i < 6; ++i) {
      twins_.push_back(New(Size(), Size()));
    }
  }

  void Step() {
    switch (Pick(17)) {
      case 0:
        Replace();
        break;
      case 1:
        Upload();
        break;
      case 2:
        Add();
        break;
      case 3:
        Multiply();
        break;
      case 4:
        Transpose();
        break;
      case 5:
        Solve();
        break;
      case 6:
        Sum();
        break;
      case 7:
        CopyPart();
        break;
      case 8:
        Compare(Any(), device_);
        break;
      case 9:
        Compare(Any(), *sibling_);
        break;
      case 10:
        Dots();
        break;
      case 11:
        Centre();
        break;
      case 12:
        OfElements();
        break;
      case 13:
        OfSquares();
        break;
      case 14:
        MultiplyVector();
        break;
      case 15:
        PullBack();
        break;
      default:
        Shrink();
        break;
    }
  }

  void CompareAll() {
    for (const Twin& twin : twins_) {
      Compare(twin, device_);
    }
  }

 private:
  size_t Pick(size_t count) { return random_() % count; }
  int64_t Size() { return kSizes[Pick(std::size(kSizes))]; }
  double Number() {
    return static_cast<double>(static_cast<int>(Pick(9)) - 4) / 4.0;
  }
  Twin& Any() { return twins_[Pick(twins_.size())]; }

  Twin Empty(int64_t rows, int64_t cols) {
    return {host_.Allocate(rows, cols, kDouble),
            device_.Allocate(rows, cols, kDouble)};
  }
  Twin New(int64_t rows, int64_t cols) {
    Twin twin = Empty(rows, cols);
    const double value = Number();
    host_.Fill(value, twin.host);
    device_.Fill(value, twin.device);
    return twin;
  }

  void Replace() { Any() = New(Size(), Size()); }

  void Upload() {
    // Large ones do not go through the tape.
    const int64_t rows = Pick(8) == 0 ? 5000 : Size();
    const Twin twin = Empty(rows, 2);
    std::vector<double> values(static_cast<size_t>(2 * rows));
    for (double& value : values) {
      value = Number();
    }
    host_.Upload(values, twin.host);
    device_.Upload(values, twin.device);
    if (rows > kSizes[std::size(kSizes) - 1]) {
      Compare(twin, device_);
      return;
    }
    Any() = twin;
  }

  void Add() {
    Twin& to = Any();
    const Twin from = New(to.host.rows(), to.host.cols());
    const double alpha = Number();
    const double beta = Number();
    host_.Axpby(alpha, from.host, beta, to.host);
    device_.Axpby(alpha, from.device, beta, to.device);
  }

  void Multiply() {
    const Twin a = Any();
    const bool with_itself = Pick(2) == 0;
    const int64_t cols = with_itself ? a.host.cols() : Size();
    const Twin b = with_itself ? a : New(a.host.rows(), cols);
    Twin out = Empty(a.host.cols(), cols);
    const double alpha = Number() / 8.0;
    if (with_itself && Pick(2) == 0) {
      host_.Syrk(Op::kTranspose, alpha, a.host, 0.0, out.host);
      device_.Syrk(Op::kTranspose, alpha, a.device, 0.0, out.device);
    } else {
      host_.Gemm(
          Op::kTranspose, Op::kNone, alpha, a.host, b.host, 0.0, out.host);
      device_.Gemm(Op::kTranspose,
                   Op::kNone,
                   alpha,
                   a.device,
                   b.device,
                   0.0,
                   out.device);
    }
    Any() = out;
  }

  void Transpose() {
    const Twin a = Any();
    const Twin out = Empty(a.host.cols(), a.host.rows());
    host_.Transpose(a.host, out.host);
    device_.Transpose(a.device, out.device);
    Any() = out;
  }

  /// Several systems at once, so well conditioned that both agree.
  void Solve() {
    const int64_t n = Size();
    std::vector<Matrix> host_factors;
    std::vector<Matrix> device_factors;
    std::vector<Matrix> host_solutions;
    std::vector<Matrix> device_solutions;
    const size_t count = 1 + Pick(3);
    for (size_t i = 0; i < count; ++i) {
      const Twin factor = New(n, n);
      host_.Map(Function::kExp, 0.0, factor.host, factor.host);
      device_.Map(Function::kExp, 0.0, factor.device, factor.device);
      const double shift = static_cast<double>(n + 1);
      host_.AddDiagonal(shift, factor.host);
      device_.AddDiagonal(shift, factor.device);
      const Twin solution = New(n, 2);
      host_factors.push_back(factor.host);
      device_factors.push_back(factor.device);
      host_solutions.push_back(solution.host);
      device_solutions.push_back(solution.device);
    }
    ASSERT_EQ(host_.CholeskyBatch(host_factors, 1e-10),
              device_.CholeskyBatch(device_factors, 1e-10));
    host_.CholeskySolveBatch(host_factors, host_solutions);
    device_.CholeskySolveBatch(device_factors, device_solutions);
    Any() = {host_solutions.back(), device_solutions.back()};
  }

  void Sum() {
    const Twin a = Any();
    const Twin sums = Empty(a.host.cols(), 1);
    host_.ColumnSums(a.host, sums.host);
    device_.ColumnSums(a.device, sums.device);
    Any() = sums;
  }

  void Centre() {
    const Twin a = Any();
    const Twin means = Empty(a.host.cols(), 1);
    host_.CentreColumns(a.host, means.host);
    device_.CentreColumns(a.device, means.device);
    Any() = means;
  }

  void OfElements() {
    const Twin a = Any();
    const Twin b = New(a.host.rows(), a.host.cols());
    const Twin weights = New(a.host.rows(), 1);
    const Twin out = Empty(a.host.rows(), a.host.cols());
    if (Pick(2) == 0) {
      const double alpha = Number();
      host_.Hadamard(alpha, a.host, b.host, out.host);
      device_.Hadamard(alpha, a.device, b.device, out.device);
    } else {
      host_.ScaleRows(weights.host, a.host, out.host);
      device_.ScaleRows(weights.device, a.device, out.device);
    }
    Any() = out;
  }

  void OfSquares() {
    const int64_t n = Size();
    const Twin weights = New(n, n);
    const Twin out = Empty(n, n);
    const double value = Number();
    host_.Laplacian(weights.host, out.host);
    device_.Laplacian(weights.device, out.device);
    host_.FillDiagonal(value, weights.host);
    device_.FillDiagonal(value, weights.device);
    Any() = weights;
    Any() = out;
  }

  void MultiplyVector() {
    const Twin a = Any();
    const bool transposed = Pick(2) == 0;
    const Op op = transposed ? Op::kTranspose : Op::kNone;
    const Twin x = New(transposed ? a.host.rows() : a.host.cols(), 1);
    const Twin out = New(transposed ? a.host.cols() : a.host.rows(), 1);
    const double alpha = Number() / 8.0;
    const double beta = Number();
    host_.Gemm(op, Op::kNone, alpha, a.host, x.host, beta, out.host);
    device_.Gemm(op, Op::kNone, alpha, a.device, x.device, beta, out.device);
    Any() = out;
  }

  /// Two halves of the rows, each with weights of its own.
  void PullBack() {
    const Twin own = Any();
    const int64_t n = own.host.rows();
    const int64_t p = own.host.cols();
    const Twin other = New(n, Size());
    const Twin gradient = Empty(n, p);
    PullBackTerms host;
    PullBackTerms device;
    host.own = own.host;
    host.other = other.host;
    device.own = own.device;
    device.other = other.device;
    host.own_scale = device.own_scale = Number();
    for (int64_t first = 0; first < n; first += (n + 1) / 2) {
      const int64_t count = std::min((n + 1) / 2, n - first);
      const Twin across = New(other.host.cols(), p);
      const Twin within = New(p, p);
      const Twin offset = New(p, 1);
      host.rows.push_back(
          {first, count, across.host, within.host, offset.host});
      device.rows.push_back(
          {first, count, across.device, within.device, offset.device});
    }
    host_.PullBack(host, gradient.host);
    device_.PullBack(device, gradient.device);
    Any() = gradient;
  }

  void CopyPart() {
    const Twin a = Any();
    const int64_t rows = (a.host.rows() + 1) / 2;
    const Twin part = Empty(rows, a.host.cols());
    const int64_t first = a.host.rows() - rows;
    host_.Copy(a.host.Rows(first, rows), part.host);
    device_.Copy(a.device.Rows(first, rows), part.device);
    Any() = part;
  }

  void Dots() {
    const Twin a = Any();
    const double expected = host_.Dot(a.host, a.host);
    EXPECT_NEAR(device_.Dot(a.device, a.device),
                expected,
                1e-9 * (1.0 + std::abs(expected)));
  }

  /// Keeps elements of order 1.
  void Shrink() {
    for (const Twin& twin : twins_) {
      const double norm = std::sqrt(host_.Dot(twin.host, twin.host));
      if (norm > 1e3) {
        host_.Fill(1.0, twin.host);
        device_.Fill(1.0, twin.device);
      }
    }
  }

  void Compare(const Twin& twin, Backend& reader) {
    std::vector<double> expected(static_cast<size_t>(twin.host.size()));
    std::vector<double> actual(expected.size());
    host_.Download(twin.host, absl::MakeSpan(expected));
    reader.Download(twin.device, absl::MakeSpan(actual));
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(actual[i], expected[i], 1e-9 * (1.0 + std::abs(expected[i])));
    }
  }

  Backend& host_;
  Backend& device_;
  const std::unique_ptr<Backend> sibling_;
  std::minstd_rand random_;
  std::vector<Twin> twins_;
};

TEST(RandomProgramsTest, TheDeviceHoldsWhatTheHostHolds) {
  const std::unique_ptr<Backend> host = *CreateBackend("cpu", 1);
  const std::unique_ptr<Backend> device = *CreateBackend("cuda:0", 1);
  for (uint32_t seed = 1; seed <= 60; ++seed) {
    // The second time much of it is recorded, the third time replayed.
    for (int round = 0; round < 3; ++round) {
      Program program(*host, *device, seed);
      for (int step = 0; step < 120 && !::testing::Test::HasFailure(); ++step) {
        program.Step();
      }
      program.CompareAll();
      ASSERT_FALSE(::testing::Test::HasFailure())
          << "seed " << seed << ", round " << round;
    }
  }

  EXPECT_GT(cuda::GraphReplays(*device), 500);
}

}  // namespace
}  // namespace repscore::testing
