// The CPU backend: OpenBLAS for products and factorisations, own loops for the
// rest. See Backend for the contract.
#ifndef REPSCORE_CORE_BACKEND_CPU_CPU_BACKEND_H_
#define REPSCORE_CORE_BACKEND_CPU_CPU_BACKEND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/backend/backend.h"
#include "core/backend/cpu/cpu_memory.h"
#include "core/backend/cpu/kernels.h"

namespace repscore::cpu {

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads);

  std::string name() const override { return "cpu"; }
  int threads() const override { return threads_; }
  DeviceMemory memory() const override;
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
  /// How the columns of a gradient are shared out.
  struct BlockPlan {
    int64_t width = 1;
    /// Threads that take whole blocks each.
    int side_by_side = 1;
    /// Threads that share what follows the products of a block.
    int within = 1;
  };

  /// Threads for so much work, in operations of a float32 product: one where
  /// it is too small to share.
  int ThreadsFor(double work) const;
  /// Sets the threads of the following library calls and loops.
  void UseThreadsFor(double work);

  /// Calls work(i) for i < count, `flops` of float64 in all: side by side where
  /// that keeps the threads busy.
  template <typename Work>
  void ForBatch(size_t count, double flops, const Work& work);

  /// a in `type`, converted when it is not.
  Matrix As(const Matrix& a, ScalarType type);

  /// Products of `terms` for columns [first, first + block.cols()) into block,
  /// without the elementwise terms.
  void PullBackBlock(const PullBackTerms& terms,
                     int64_t first_column,
                     const Matrix& block);

  BlockPlan PlanBlocks(const PullBackTerms& terms) const;

  /// Makes the blocks of columns by PullBackBlock and calls
  /// consume(first column, block) of each. `into` has all columns, or room for
  /// one block per thread.
  template <typename Consume>
  void ForBlocks(const PullBackTerms& terms,
                 const BlockPlan& plan,
                 const Matrix& into,
                 const Consume& consume);

  /// `terms` with its small matrices in the scalar type of its rows.
  PullBackTerms Cast(const PullBackTerms& terms);

  /// Triangular factor R [k x q] of a = Q R, k = min(n, q).
  Matrix TriangularFactor(const Matrix& a);
  double PolarBySvd(const Matrix& a, const Matrix& q);
  double PolarByGram(const Matrix& a, const Matrix& q);

  const int threads_;
  const KernelTable& kernels_;
  const std::shared_ptr<MemoryPool> pool_;
};

}  // namespace repscore::cpu

#endif  // REPSCORE_CORE_BACKEND_CPU_CPU_BACKEND_H_
