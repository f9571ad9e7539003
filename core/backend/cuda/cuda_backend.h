// The CUDA backend: cuBLAS and cuSOLVER for products and factorisations, a few
// kernels for the rest. See Backend for the contract.
//
// Operations go to the tape of the queue and are enqueued together when a
// result comes back to the host, which waits there and nowhere else. One thread
// uses a CudaBackend; siblings on other threads may read its matrices.
#ifndef REPSCORE_CORE_BACKEND_CUDA_CUDA_BACKEND_H_
#define REPSCORE_CORE_BACKEND_CUDA_CUDA_BACKEND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cuda/device.h"
#include "core/backend/cuda/kernels.h"
#include "core/backend/cuda/queue.h"
#include "core/backend/cuda/staging.h"

namespace repscore::cuda {

class CudaBackend final : public Backend {
 public:
  /// Throws BackendError.
  CudaBackend(std::shared_ptr<Device> device, int threads);
  ~CudaBackend() override;

  /// How often the host has waited for the device.
  int64_t waits() const { return queue_->waits(); }
  /// Launches of work that was recorded.
  int64_t replays() const { return queue_->replays(); }
  /// Kernels and copies in those.
  int64_t replayed() const { return queue_->replayed(); }
  /// Seconds of one pass over the last `launches` of them, one after the other
  /// without a wait; for benchmarks. Spoils what they work on. Nothing when
  /// there were fewer.
  std::optional<double> SecondsOfReplays(int64_t launches);

  std::string name() const override { return queue_->device().name(); }
  int threads() const override { return threads_; }
  DeviceMemory memory() const override { return queue_->device().memory(); }
  absl::Status Health() const override { return queue_->device().Health(); }
  std::unique_ptr<Backend> Sibling(int threads) const override;

  Matrix Allocate(int64_t rows, int64_t cols, ScalarType type) override;
  void Upload(absl::Span<const double> elements, const Matrix& out) override;
  void Download(const Matrix& in, absl::Span<double> elements) override;
  void Copy(const Matrix& in, const Matrix& out) override;
  void Transpose(const Matrix& in, const Matrix& out) override;
  void Fill(double value, const Matrix& out) override;
  void GatherRows(const Matrix& in,
                  absl::Span<const int64_t> indices,
                  const Matrix& out) override;
  Rounding RoundFactors(Rounding rounding) override {
    return std::exchange(rounding_, rounding);
  }
  void Gemm(Op a_op,
            Op b_op,
            double alpha,
            const Matrix& a,
            const Matrix& b,
            double beta,
            const Matrix& c) override;
  void Syrk(Op op,
            double alpha,
            const Matrix& a,
            double beta,
            const Matrix& c) override;
  void Axpby(double alpha,
             const Matrix& a,
             double beta,
             const Matrix& b) override;
  void AddDiagonal(double alpha, const Matrix& a) override;
  void ScaleRows(const Matrix& weights,
                 const Matrix& a,
                 const Matrix& out) override;
  void CentreColumns(const Matrix& a, const Matrix& means) override;
  void UCentre(const Matrix& kernel) override;
  void DoubleCentre(const Matrix& kernel) override;
  void SquaredDistances(const Matrix& kernel,
                        double relative_floor,
                        const Matrix& out) override;
  void Map(Function function,
           double scale,
           const Matrix& in,
           const Matrix& out) override;
  void Hadamard(double alpha,
                const Matrix& a,
                const Matrix& b,
                const Matrix& out) override;
  void Laplacian(const Matrix& weights, const Matrix& out) override;
  void FillDiagonal(double value, const Matrix& a) override;
  std::vector<double> Dots(
      absl::Span<const std::pair<Matrix, Matrix>> pairs) override;
  void ColumnSums(const Matrix& a, const Matrix& sums) override;
  void RowSquaredNorms(const Matrix& a, const Matrix& norms) override;
  double Trace(const Matrix& a) override;
  bool Cholesky(const Matrix& a, double relative_floor) override;
  void CholeskySolve(const Matrix& factor, const Matrix& b) override;
  std::vector<bool> CholeskyBatch(absl::Span<const Matrix> batch,
                                  double relative_floor) override;
  void CholeskySolveBatch(absl::Span<const Matrix> factors,
                          absl::Span<const Matrix> b) override;
  std::vector<double> SymmetricEigen(const Matrix& a) override;
  std::vector<double> SymmetricEigenvalues(const Matrix& a) override;
  PolarNorm Polar(const Matrix& a,
                  PolarMethod method,
                  const Matrix& q) override;
  std::vector<double> Svd(const Matrix& a,
                          const Matrix& u,
                          const Matrix& vt) override;
  Matrix CompressColumns(const Matrix& a) override;
  void PullBack(const PullBackTerms& terms, const Matrix& gradient) override;
  StepNorms PullBackAdam(const PullBackTerms& terms,
                         const AdamCoefficients& adam,
                         const Matrix& first,
                         const Matrix& second,
                         const Matrix& next,
                         const Matrix& means) override;

 private:
  /// Device workspace and host workspace that a solver routine asks for.
  struct Workspace {
    Matrix device;
    size_t device_bytes = 0;
    std::vector<std::byte> host;
  };
  const Device& device() const { return queue_->device(); }
  void Check(cudaError_t error, std::string_view doing) const {
    device().Check(error, doing);
  }
  /// First in every operation: this thread uses the device, which works, and
  /// what is read and written is ready for it.
  void Begin(std::initializer_list<const Matrix*> reads,
             std::initializer_list<const Matrix*> writes);
  Matrix Vector(int64_t rows) {
    return Allocate(rows, 1, ScalarType::kFloat64);
  }
  StagingRing& RingFor(int64_t bytes);
  /// Where nothing can be recorded: what comes next is enqueued at once.
  cudaStream_t StreamAfterTape() {
    queue_->Play();
    return queue_->stream();
  }

  // These do not look at who owns the matrices.
  void EnqueueFill(double value, const Matrix& out);
  void EnqueueAdd(double alpha, const Matrix& a, double beta, const Matrix& b);
  void EnqueueCopy(const Matrix& in, const Matrix& out);
  void EnqueueCopyDiagonal(const Matrix& a, const Matrix& diagonal);
  void EnqueueColumnSums(const Matrix& a, const Matrix& sums);
  void EnqueueGemm(Op a_op,
                   Op b_op,
                   double alpha,
                   const Matrix& a,
                   const Matrix& b,
                   double beta,
                   const Matrix& c);
  void EnqueueTriangularSolve(cublasSideMode_t side,
                              cublasOperation_t op,
                              const Matrix& factor,
                              const Matrix& b);
  /// In place; an integer is left in `info`.
  void EnqueueCholesky(const Matrix& a, const Matrix& info);
  /// verdict = 0 where pivots are above the floor; see JudgePivots().
  void EnqueueJudgement(const Matrix& factor,
                        const Matrix& diagonal,
                        double relative_floor,
                        const Matrix& info,
                        const Matrix& verdict);
  // Of matrices that have one shape and stride.
  void EnqueueCholeskyGroup(absl::Span<const Matrix> batch,
                            const Matrix& infos);
  /// Factors become their inverses.
  void EnqueueInversion(absl::Span<const Matrix> batch);
  /// out_i = op(a_i) b_i, a_i square.
  void EnqueueProductsOf(Op op,
                         absl::Span<const Matrix> a,
                         absl::Span<const Matrix> b,
                         absl::Span<const Matrix> out);
  void EnqueueSolveGroup(absl::Span<const Matrix> factors,
                         absl::Span<const Matrix> b);
  /// results[t] of terms; no wait.
  void EnqueueDots(const std::vector<DotTerm>& terms, const Matrix& results);
  std::vector<double> Fetch(const Matrix& vector);
  /// A vector for results that Take() waits for and reads. One at a time.
  Matrix Results(int64_t count);
  std::vector<double> Take(const Matrix& results);

  Matrix As(const Matrix& a, ScalarType type);
  Workspace MakeWorkspace(size_t device_bytes, size_t host_bytes);
  /// Thin SVD of a tall matrix; values [n x 1] with the routine's verdict in
  /// one more element.
  std::vector<double> TallSvd(const Matrix& a,
                              const Matrix& u,
                              const Matrix& vt);

  PolarNorm PolarOfTall(const Matrix& a, PolarMethod method, const Matrix& q);
  /// False when the result is no polar factor to rounding: singular values
  /// near zero.
  bool PolarByProducts(const Matrix& a,
                       PolarMethod method,
                       const Matrix& q,
                       double* nuclear_norm);
  /// False when float32 does not hold the directions of a.
  bool PolarInSingle(const Matrix& a, const Matrix& q, double* nuclear_norm);
  /// Nearly the polar factor of a [m x n], in its type; with so many steps more
  /// for small singular values.
  Matrix IterateToPolar(const Matrix& a, int steps_for_small);
  /// Eigenvalues of a, which becomes the eigenvectors or is destroyed.
  std::vector<double> Syevd(bool vectors, const Matrix& a);
  double PolarBySvd(const Matrix& a, const Matrix& q);
  double PolarByGram(const Matrix& a, const Matrix& q);

  /// `terms` with its matrices in the type of its rows, ready to be read.
  PullBackTerms Prepare(const PullBackTerms& terms);
  /// out = all products of G.
  void EnqueueProducts(const PullBackTerms& terms, const Matrix& out);
  void EnqueueRowTerms(const PullBackTerms& terms,
                       const RowTerms& rows,
                       bool overwrite,
                       const Matrix& out);

  const std::shared_ptr<Queue> queue_;
  const int threads_;
  Rounding rounding_ = Rounding::kNone;
  StagingRing small_ring_;
  StagingRing large_ring_;
};

}  // namespace repscore::cuda

#endif  // REPSCORE_CORE_BACKEND_CUDA_CUDA_BACKEND_H_
