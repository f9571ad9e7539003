// How alike the k nearest neighbours of every row are on the two sides
// (Klabunde et al. 2023; Huh et al. 2024). N, N' are the neighbours of one row
// among the others; values are means over rows.
//
//   mutual               |N n N'| / k
//   jaccard              |N n N'| / |N u N'|
//   rank                 sum over j in N n N' of
//                          2 / ((1 + |r_j - r'_j|) (r_j + r'_j)),
//                        over its largest value 1 + 1/2 + ... + 1/|N n N'|;
//                        r_j, r'_j = 1..k the ranks of j
//   second_order_cosine  cosine of the two vectors of cosines of the row with
//                        N u N'
//   cknna                S(K, L) / sqrt(S(K, K) S(L, L)), S(K, L) = sum over i
//                        and j in N_i n N'_i of K'_ij L'_ij, K'_ij the inner
//                        product of rows i and j less the mean over all j
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/backend/host_algebra.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/families.h"
#include "core/measures/nearest_rows.h"

namespace repscore {
namespace {

constexpr int64_t kMostNeighbours = 1000000;

enum class Overlap { kMutual, kJaccard, kRank, kSecondOrderCosine, kCknna };

struct KnnOptions {
  Overlap overlap = Overlap::kMutual;
  NeighbourMetric metric = NeighbourMetric::kEuclidean;
  bool raw = true;
  int64_t k = 10;
};

/// Neighbours of one row on both sides.
struct RowLists {
  const std::vector<int64_t>& candidate;
  const std::vector<int64_t>& reference;

  /// Position of `row` in `list`, or -1.
  static int64_t Position(const std::vector<int64_t>& list, int64_t row) {
    const auto found = std::find(list.begin(), list.end(), row);
    return found == list.end() ? -1 : found - list.begin();
  }

  int64_t Shared() const {
    return std::count_if(
        candidate.begin(), candidate.end(), [this](int64_t row) {
          return Position(reference, row) >= 0;
        });
  }

  double RankSimilarity() const {
    double sum = 0.0;
    double largest = 0.0;
    int64_t shared = 0;
    for (size_t i = 0; i < candidate.size(); ++i) {
      const int64_t position = Position(reference, candidate[i]);
      if (position < 0) {
        continue;
      }
      const auto rank = static_cast<double>(i + 1);
      const auto other = static_cast<double>(position + 1);
      sum += 2.0 / ((1.0 + std::abs(rank - other)) * (rank + other));
      largest += 1.0 / static_cast<double>(++shared);
    }
    return shared == 0 ? 0.0 : sum / largest;
  }

  std::vector<int64_t> Union() const {
    std::vector<int64_t> all = candidate;
    all.insert(all.end(), reference.begin(), reference.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
};

/// Cosine of the similarities of row i with its neighbours of either side.
double SecondOrderCosine(const Neighbours& candidate,
                         const Neighbours& reference,
                         int64_t i) {
  const std::vector<int64_t> rows =
      RowLists{candidate.lists[static_cast<size_t>(i)],
               reference.lists[static_cast<size_t>(i)]}
          .Union();
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (const int64_t j : rows) {
    const double a = candidate.points.col(i).dot(candidate.points.col(j));
    const double b = reference.points.col(i).dot(reference.points.col(j));
    ab += a * b;
    aa += a * a;
    bb += b * b;
  }
  // All neighbours orthogonal to the row: nothing to compare.
  const double norm = std::sqrt(aa) * std::sqrt(bb);
  return norm > 0.0 ? std::clamp(ab / norm, -1.0, 1.0) : 0.0;
}

/// sum over i and j in N_i of both of (A_ij - mean_j A_ij)(B_ij - mean_j B_ij).
double LocalAlignment(const Neighbours& a, const Neighbours& b) {
  const Eigen::VectorXd a_means =
      a.points.transpose() * a.points.rowwise().mean();
  const Eigen::VectorXd b_means =
      b.points.transpose() * b.points.rowwise().mean();
  double sum = 0.0;
  for (size_t row = 0; row < a.lists.size(); ++row) {
    const auto i = static_cast<int64_t>(row);
    for (const int64_t j : a.lists[row]) {
      if (RowLists::Position(b.lists[row], j) >= 0) {
        sum += (a.points.col(i).dot(a.points.col(j)) - a_means(i)) *
               (b.points.col(i).dot(b.points.col(j)) - b_means(i));
      }
    }
  }
  return sum;
}

class Knn final : public Measure {
 public:
  Knn(MeasureInfo info, KnnOptions options, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), options_(options) {}

  const MeasureInfo& info() const override { return info_; }

  absl::Status CheckSize(const ProblemSize& size) const override {
    if (size.rows <= options_.k) {
      return absl::InvalidArgumentError(
          StrCat(id(),
                 ": k=",
                 options_.k,
                 " neighbours need at least ",
                 options_.k + 1,
                 " rows; candidate and reference have ",
                 size.rows,
                 " row",
                 size.rows == 1 ? "" : "s",
                 "; use a smaller k"));
    }
    return Measure::CheckSize(size);
  }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs;
    needs.candidate_rows = true;
    needs.reference_rows = true;
    needs.means = options_.raw;
    needs.full_reference = options_.raw;
    return needs;
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    // The rows on the host, and those of a side on their way.
    return 5 * size.rows * (size.candidate_features + size.reference_features) /
           3;
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    const auto nearest = [&](Side side) {
      return NearestRows(
          statistics, side, options_.metric, options_.raw, options_.k);
    };
    REPSCORE_ASSIGN_OR_RETURN(const Neighbours candidate,
                              nearest(Side::kCandidate));
    REPSCORE_ASSIGN_OR_RETURN(const Neighbours reference,
                              nearest(Side::kReference));
    Evaluation result;
    if (options_.overlap == Overlap::kCknna) {
      const double own = LocalAlignment(candidate, candidate);
      const double other = LocalAlignment(reference, reference);
      if (!(own > 0.0 && other > 0.0)) {
        return absl::InvalidArgumentError(
            StrCat(own > 0.0 ? "reference" : "candidate",
                   ": the inner products of all rows with their neighbours "
                   "are equal to their means, so that knn.cknna is undefined"));
      }
      result.value = std::clamp(LocalAlignment(candidate, reference) /
                                    std::sqrt(own) / std::sqrt(other),
                                -1.0,
                                1.0);
      return result;
    }
    for (int64_t i = 0; i < statistics.size.rows; ++i) {
      result.value += OfRow(candidate, reference, i);
    }
    result.value /= static_cast<double>(statistics.size.rows);
    return result;
  }

 private:
  double OfRow(const Neighbours& candidate,
               const Neighbours& reference,
               int64_t i) const {
    const RowLists lists = {candidate.lists[static_cast<size_t>(i)],
                            reference.lists[static_cast<size_t>(i)]};
    switch (options_.overlap) {
      case Overlap::kMutual:
        return static_cast<double>(lists.Shared()) /
               static_cast<double>(options_.k);
      case Overlap::kJaccard: {
        const int64_t shared = lists.Shared();
        return static_cast<double>(shared) /
               static_cast<double>(2 * options_.k - shared);
      }
      case Overlap::kRank:
        return lists.RankSimilarity();
      default:
        return SecondOrderCosine(candidate, reference, i);
    }
  }

  const MeasureInfo info_;
  const KnnOptions options_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeKnn(
    const MeasureInfo& registered, Parameters& parameters) {
  KnnOptions options;
  options.overlap = registered.id == "knn.jaccard" ? Overlap::kJaccard
                    : registered.id == "knn.rank"  ? Overlap::kRank
                    : registered.id == "knn.cknna" ? Overlap::kCknna
                    : registered.id == "knn.second_order_cosine"
                        ? Overlap::kSecondOrderCosine
                        : Overlap::kMutual;
  REPSCORE_ASSIGN_OR_RETURN(options.k,
                            parameters.Integer("k", 1, kMostNeighbours));
  options.metric = NeighbourMetric::kCosine;
  if (options.overlap != Overlap::kSecondOrderCosine) {
    REPSCORE_ASSIGN_OR_RETURN(const int metric,
                              parameters.Choice("metric", kNeighbourMetrics));
    options.metric = static_cast<NeighbourMetric>(metric);
  }
  REPSCORE_ASSIGN_OR_RETURN(const int rows,
                            parameters.Choice("rows", {"raw", "centred"}));
  options.raw = rows == 0;
  if (options.metric == NeighbourMetric::kEuclidean &&
      options.overlap != Overlap::kCknna && !options.raw) {
    // Distances do not see it: one specification for one measure.
    parameters.Replace("rows", "raw");
  }
  MeasureInfo info = registered;
  info.invariances = {"orthogonal", "permutation", "scale"};
  if (options.metric == NeighbourMetric::kEuclidean &&
      options.overlap != Overlap::kCknna) {
    options.raw = false;
  }
  if (!options.raw) {
    info.invariances.push_back("translation");
  }
  info.accepts_zero_rows =
      !options.raw || options.metric != NeighbourMetric::kCosine;
  info.minimum_rows = options.k + 1;
  return std::make_shared<Knn>(
      std::move(info), options, parameters.Canonical());
}

ParameterInfo NeighboursParameter() {
  return {.name = "k",
          .default_value = "10",
          .description = "neighbours of every row, fewer than there are rows"};
}

ParameterInfo RowsParameter() {
  return {.name = "rows",
          .default_value = "raw",
          .description =
              "raw or centred: whether column means are removed first; "
              "euclidean distances do not see it"};
}

MeasureInfo Mutual() {
  const ParameterInfo metric = {
      .name = "metric",
      .default_value = "euclidean",
      .description =
          "nearest by euclidean distance, by cosine or by inner "
          "product; of equally near rows the smaller index"};
  return {.id = "knn.mutual",
          .aliases = {"mutual_knn"},
          .summary =
              "share of the k nearest neighbours that both sides have in "
              "common",
          .orientation = Orientation::kScore,
          .lowest = 0.0,
          .highest = 1.0,
          .symmetric = true,
          .metric = false,
          .differentiable = false,
          .invariances = {"orthogonal", "permutation", "scale", "translation"},
          .parameters = {NeighboursParameter(), metric, RowsParameter()},
          .minimum_rows = 11,
          .source = "Huh et al. 2024, The platonic representation hypothesis",
          .examples = {"knn.mutual(k=3)",
                       "knn.mutual(metric=cosine)",
                       "knn.mutual(metric=cosine,rows=centred)",
                       "knn.mutual(metric=inner)"},
          .cost = "n^2 (p + q), memory n k",
          .known_as = {"platonic-rep: mutual_knn (metric=inner of unit rows)"}};
}

MeasureInfo CknnaFrom(MeasureInfo cknna) {
  cknna.id = "knn.cknna";
  cknna.aliases = {"cknna"};
  cknna.summary =
      "kernel alignment restricted to pairs of rows that are "
      "nearest neighbours on both sides";
  cknna.lowest = -1.0;
  cknna.invariances = {"orthogonal", "permutation", "scale"};
  cknna.parameters = {
      NeighboursParameter(),
      {.name = "metric",
       .default_value = "inner",
       .description = "nearest by euclidean distance, cosine or inner "
                      "product; with cosine, rows have unit length in the "
                      "inner products too"},
      {.name = "rows",
       .default_value = "raw",
       .description = "raw or centred: whether column means are removed "
                      "first"}};
  cknna.examples = {"knn.cknna(metric=cosine,rows=centred)",
                    "knn.cknna(metric=euclidean)"};
  cknna.known_as = {};
  return cknna;
}

}  // namespace

std::vector<MeasureEntry> KnnFamily() {
  const MeasureInfo mutual = Mutual();
  MeasureInfo jaccard = mutual;
  jaccard.id = "knn.jaccard";
  jaccard.aliases = {};
  jaccard.summary =
      "mean Jaccard similarity of the sets of k nearest neighbours";
  jaccard.source = "Klabunde et al. 2023, k-NN Jaccard similarity";
  jaccard.examples = {"knn.jaccard(metric=cosine)"};
  jaccard.known_as = {"ReSi: JaccardSimilarity (metric=cosine)"};
  MeasureInfo rank = jaccard;
  rank.id = "knn.rank";
  rank.summary = "how alike the ranks of shared nearest neighbours are";
  rank.source = "Wang et al. 2020; Klabunde et al. 2023, rank similarity";
  rank.examples = {"knn.rank(metric=cosine)"};
  rank.known_as = {"ReSi: RankSimilarity (metric=cosine)"};
  MeasureInfo second = jaccard;
  second.id = "knn.second_order_cosine";
  second.summary =
      "cosine of the cosines of a row with its nearest neighbours by cosine "
      "of either side";
  second.lowest = -1.0;
  second.invariances = {"orthogonal", "permutation", "scale"};
  second.parameters = {NeighboursParameter(), RowsParameter()};
  second.accepts_zero_rows = false;
  second.source =
      "Hamilton et al. 2016; Klabunde et al. 2023, second-order "
      "cosine similarity";
  second.examples = {"knn.second_order_cosine(k=3,rows=centred)"};
  second.known_as = {"ReSi: SecondOrderCosineSimilarity"};
  return {{mutual, MakeKnn},
          {jaccard, MakeKnn},
          {rank, MakeKnn},
          {second, MakeKnn},
          {CknnaFrom(mutual), MakeKnn}};
}

}  // namespace repscore
