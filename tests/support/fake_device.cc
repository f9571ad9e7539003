#include "tests/support/fake_device.h"

#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/backend/create.h"

namespace repscore::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Whether one of `left` was there to be taken.
bool TakeOne(std::atomic<int>& left) {
  int count = left;
  while (count > 0) {
    if (left.compare_exchange_weak(count, count - 1)) {
      return true;
    }
  }
  return false;
}

}  // namespace

class FakeBackend final : public Backend {
 public:
  FakeBackend(FakeDevice& device, std::unique_ptr<Backend> cpu)
      : device_(device), cpu_(std::move(cpu)) {}

  std::string name() const override { return device_.name(); }
  int threads() const override { return cpu_->threads(); }
  DeviceMemory memory() const override {
    return {.total_bytes = device_.memory_bytes(),
            .free_bytes = device_.memory_bytes() - device_.used_bytes()};
  }
  absl::Status Health() const override {
    return device_.is_broken() ? BrokenError() : absl::OkStatus();
  }
  std::unique_ptr<Backend> Sibling(int threads) const override {
    return std::make_unique<FakeBackend>(device_, cpu_->Sibling(threads));
  }

  Matrix Allocate(int64_t rows, int64_t cols, ScalarType type) override {
    Enter();
    const int64_t bytes = rows * cols * ScalarSize(type);
    if (TakeOne(device_.failing_allocations_) ||
        device_.used_bytes_ + bytes > device_.memory_bytes_) {
      throw BackendError(absl::ResourceExhaustedError(
          absl::StrCat(device_.name(), " has no ", bytes, " bytes left")));
    }
    const Matrix matrix = cpu_->Allocate(rows, cols, type);
    device_.used_bytes_ += bytes;
    // Holds the matrix, and counts it until the last handle is gone.
    const std::shared_ptr<void> buffer(
        matrix.data(),
        [matrix, bytes, &used = device_.used_bytes_](void*) { used -= bytes; });
    return {buffer, matrix.data(), rows, cols, matrix.stride(), type};
  }

  void Gemm(Op a_op,
            Op b_op,
            double alpha,
            const Matrix& a,
            const Matrix& b,
            double beta,
            const Matrix& c) override {
    Enter();
    cpu_->Gemm(a_op, b_op, alpha, a, b, beta, c);
    SpoilOnDemand(c);
  }
  void Syrk(Op op,
            double alpha,
            const Matrix& a,
            double beta,
            const Matrix& c) override {
    Enter();
    cpu_->Syrk(op, alpha, a, beta, c);
    SpoilOnDemand(c);
  }

  void Upload(absl::Span<const double> elements, const Matrix& out) override {
    Enter();
    return cpu_->Upload(elements, out);
  }

  void Download(const Matrix& in, absl::Span<double> elements) override {
    Enter();
    return cpu_->Download(in, elements);
  }

  void Copy(const Matrix& in, const Matrix& out) override {
    Enter();
    return cpu_->Copy(in, out);
  }

  void Transpose(const Matrix& in, const Matrix& out) override {
    Enter();
    return cpu_->Transpose(in, out);
  }

  void Fill(double value, const Matrix& out) override {
    Enter();
    return cpu_->Fill(value, out);
  }

  void GatherRows(const Matrix& in,
                  absl::Span<const int64_t> indices,
                  const Matrix& out) override {
    Enter();
    return cpu_->GatherRows(in, indices, out);
  }

  void Axpby(double alpha,
             const Matrix& a,
             double beta,
             const Matrix& b) override {
    Enter();
    return cpu_->Axpby(alpha, a, beta, b);
  }

  void AddDiagonal(double alpha, const Matrix& a) override {
    Enter();
    return cpu_->AddDiagonal(alpha, a);
  }

  void ScaleRows(const Matrix& weights,
                 const Matrix& a,
                 const Matrix& out) override {
    Enter();
    return cpu_->ScaleRows(weights, a, out);
  }

  void CentreColumns(const Matrix& a, const Matrix& means) override {
    Enter();
    return cpu_->CentreColumns(a, means);
  }

  void UCentre(const Matrix& kernel) override {
    Enter();
    return cpu_->UCentre(kernel);
  }

  void DoubleCentre(const Matrix& kernel) override {
    Enter();
    return cpu_->DoubleCentre(kernel);
  }

  void SquaredDistances(const Matrix& kernel,
                        double relative_floor,
                        const Matrix& out) override {
    Enter();
    return cpu_->SquaredDistances(kernel, relative_floor, out);
  }

  void Map(Function function,
           double scale,
           const Matrix& in,
           const Matrix& out) override {
    Enter();
    return cpu_->Map(function, scale, in, out);
  }

  void Hadamard(double alpha,
                const Matrix& a,
                const Matrix& b,
                const Matrix& out) override {
    Enter();
    return cpu_->Hadamard(alpha, a, b, out);
  }

  void Laplacian(const Matrix& weights, const Matrix& out) override {
    Enter();
    return cpu_->Laplacian(weights, out);
  }

  void FillDiagonal(double value, const Matrix& a) override {
    Enter();
    return cpu_->FillDiagonal(value, a);
  }

  std::vector<double> Dots(
      absl::Span<const std::pair<Matrix, Matrix>> pairs) override {
    Enter();
    return cpu_->Dots(pairs);
  }

  void ColumnSums(const Matrix& a, const Matrix& sums) override {
    Enter();
    return cpu_->ColumnSums(a, sums);
  }

  void RowSquaredNorms(const Matrix& a, const Matrix& norms) override {
    Enter();
    return cpu_->RowSquaredNorms(a, norms);
  }

  double Trace(const Matrix& a) override {
    Enter();
    return cpu_->Trace(a);
  }

  bool Cholesky(const Matrix& a, double relative_floor) override {
    Enter();
    return cpu_->Cholesky(a, relative_floor);
  }

  void CholeskySolve(const Matrix& factor, const Matrix& b) override {
    Enter();
    return cpu_->CholeskySolve(factor, b);
  }

  std::vector<bool> CholeskyBatch(absl::Span<const Matrix> batch,
                                  double relative_floor) override {
    Enter();
    return cpu_->CholeskyBatch(batch, relative_floor);
  }

  void CholeskySolveBatch(absl::Span<const Matrix> factors,
                          absl::Span<const Matrix> b) override {
    Enter();
    return cpu_->CholeskySolveBatch(factors, b);
  }

  std::vector<double> SymmetricEigen(const Matrix& a) override {
    Enter();
    return cpu_->SymmetricEigen(a);
  }

  std::vector<double> SymmetricEigenvalues(const Matrix& a) override {
    Enter();
    return cpu_->SymmetricEigenvalues(a);
  }

  PolarNorm Polar(const Matrix& a,
                  PolarMethod method,
                  const Matrix& q) override {
    Enter();
    return cpu_->Polar(a, method, q);
  }

  std::vector<double> Svd(const Matrix& a,
                          const Matrix& u,
                          const Matrix& vt) override {
    Enter();
    return cpu_->Svd(a, u, vt);
  }

  Matrix CompressColumns(const Matrix& a) override {
    Enter();
    return cpu_->CompressColumns(a);
  }

  void PullBack(const PullBackTerms& terms, const Matrix& gradient) override {
    Enter();
    cpu_->PullBack(terms, gradient);
    if (TakeOne(device_.spoiled_gradients_)) {
      cpu_->Fill(kNan, gradient);
    }
  }

  StepNorms PullBackAdam(const PullBackTerms& terms,
                         const AdamCoefficients& adam,
                         const Matrix& first,
                         const Matrix& second,
                         const Matrix& next,
                         const Matrix& means) override {
    Enter();
    const StepNorms norms =
        cpu_->PullBackAdam(terms, adam, first, second, next, means);
    if (!TakeOne(device_.spoiled_gradients_)) {
      return norms;
    }
    cpu_->Fill(kNan, next);
    return {.gradient_squared = kNan, .next_squared = kNan};
  }

 private:
  absl::Status BrokenError() const {
    return absl::InternalError(
        absl::StrCat(device_.name(), ": illegal memory access"));
  }

  void Enter() {
    if (device_.operations_++ >= device_.breaks_at_) {
      device_.is_broken_ = true;
    }
    if (device_.is_broken_) {
      throw BackendError(BrokenError());
    }
    if (const auto delay = device_.delay_.load(); delay.count() > 0) {
      std::this_thread::sleep_for(delay);
    }
  }

  void SpoilOnDemand(const Matrix& product) {
    if (!TakeOne(device_.sound_products_) &&
        TakeOne(device_.spoiled_products_)) {
      cpu_->Fill(kNan, product);
    }
    if (product.type() == ScalarType::kFloat64 && !product.empty()) {
      *static_cast<double*>(product.data()) += device_.bend_;
    }
  }

  FakeDevice& device_;
  const std::unique_ptr<Backend> cpu_;
};

std::unique_ptr<Backend> FakeDevice::MakeBackend() {
  return std::make_unique<FakeBackend>(*this, *CreateBackend("cpu", 1));
}

}  // namespace repscore::testing
