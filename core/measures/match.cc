// Matching of single units. R [p x q] are Pearson correlations of candidate
// and reference columns; constant columns are left out.
//
//   match.hard           mean of R over the best one-to-one pairing
//   match.soft_mean_max  mean over units of their best partner in R
//   match.transport      min over couplings P with marginals 1/p and 1/q of
//                        sum P_ij |x_i - y_j|^2 (Khosla & Williams 2024)
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/assignment.h"
#include "core/measures/families.h"
#include "core/measures/host.h"
#include "core/measures/transport.h"

namespace repscore {
namespace {

// Unequal numbers of units up to this have exact couplings in seconds.
constexpr int64_t kMostUnits = 512;

StatisticsNeeds OwnColumns() {
  StatisticsNeeds needs;
  needs.candidate_rows = true;
  needs.reference_rows = true;
  needs.full_reference = true;
  needs.means = true;
  return needs;
}

/// Columns of unit norm without those that are constant to rounding.
struct UnitColumns {
  Eigen::MatrixXd columns;
  int64_t constant = 0;
};

absl::StatusOr<UnitColumns> Standardise(const Statistics& statistics,
                                        Side side) {
  const bool candidate = side == Side::kCandidate;
  const Eigen::MatrixXd rows = CentredRows(statistics, side);
  const Eigen::VectorXd means = ToHost(
      *statistics.backend,
      candidate ? statistics.candidate_means : statistics.reference_means);
  const double noise = 8.0 * std::numeric_limits<double>::epsilon() *
                       std::sqrt(static_cast<double>(rows.rows()));
  UnitColumns unit;
  unit.columns.resize(rows.rows(), rows.cols());
  Eigen::Index kept = 0;
  for (Eigen::Index j = 0; j < rows.cols(); ++j) {
    const double norm = rows.col(j).norm();
    const double largest =
        std::abs(means(j)) + rows.col(j).lpNorm<Eigen::Infinity>();
    if (norm > noise * largest) {
      unit.columns.col(kept++) = rows.col(j) / norm;
    }
  }
  unit.constant = rows.cols() - kept;
  unit.columns.conservativeResize(Eigen::NoChange, kept);
  if (kept == 0) {
    return absl::InvalidArgumentError(
        StrCat("all ",
               rows.cols(),
               " columns of the ",
               candidate ? "candidate" : "reference",
               " are constant: they have no correlations"));
  }
  return unit;
}

struct Correlations {
  Eigen::MatrixXd values;  ///< [p x q]
  std::vector<MeasureWarning> warnings;
};

absl::StatusOr<Correlations> Correlate(const Statistics& statistics) {
  REPSCORE_ASSIGN_OR_RETURN(const UnitColumns x,
                            Standardise(statistics, Side::kCandidate));
  REPSCORE_ASSIGN_OR_RETURN(const UnitColumns y,
                            Standardise(statistics, Side::kReference));
  Correlations correlations;
  correlations.values =
      (x.columns.transpose() * y.columns).cwiseMin(1.0).cwiseMax(-1.0);
  if (x.constant + y.constant > 0) {
    correlations.warnings.push_back(
        {.reason = "SKIPPED_COLUMNS",
         .message = StrCat(x.constant,
                           " candidate and ",
                           y.constant,
                           " reference columns are constant and left out")});
  }
  return correlations;
}

/// The columns of both sides with unit norm on their way to the correlations,
/// and these.
int64_t CorrelationElements(const ProblemSize& size) {
  const int64_t p = size.candidate_features;
  const int64_t q = size.reference_features;
  return 3 * size.rows * (p + q) / 2 + 2 * p * q;
}

class HardMatch final : public Measure {
 public:
  HardMatch(MeasureInfo info, bool absolute, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), absolute_(absolute) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    return OwnColumns();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    return CorrelationElements(size);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    REPSCORE_ASSIGN_OR_RETURN(Correlations correlations, Correlate(statistics));
    Eigen::MatrixXd& r = correlations.values;
    if (absolute_) {
      r = r.cwiseAbs();
    }
    const auto pairs = SolveAssignment(-r);
    double sum = 0.0;
    for (const auto& [i, j] : pairs) {
      sum += r(i, j);
    }
    Evaluation result;
    result.value = sum / static_cast<double>(pairs.size());
    result.warnings = std::move(correlations.warnings);
    return result;
  }

 private:
  const MeasureInfo info_;
  const bool absolute_;
};

class SoftMeanMax final : public Measure {
 public:
  enum class Direction { kMean, kCandidateToReference, kReferenceToCandidate };

  SoftMeanMax(MeasureInfo info, Direction direction, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), direction_(direction) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    return OwnColumns();
  }

  std::optional<int64_t> WorkElements(const ProblemSize& size) const override {
    return CorrelationElements(size);
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    REPSCORE_ASSIGN_OR_RETURN(Correlations correlations, Correlate(statistics));
    const Eigen::MatrixXd& r = correlations.values;
    const double forward = r.rowwise().maxCoeff().mean();
    const double backward = r.colwise().maxCoeff().mean();
    Evaluation result;
    result.value = direction_ == Direction::kCandidateToReference ? forward
                   : direction_ == Direction::kReferenceToCandidate
                       ? backward
                       : 0.5 * (forward + backward);
    result.warnings = std::move(correlations.warnings);
    return result;
  }

 private:
  const MeasureInfo info_;
  const Direction direction_;
};

class TransportMatch final : public Measure {
 public:
  TransportMatch(MeasureInfo info, bool root, std::string id)
      : Measure(std::move(id)), info_(std::move(info)), root_(root) {}

  const MeasureInfo& info() const override { return info_; }

  StatisticsNeeds Needs(const ProblemSize& /*size*/) const override {
    StatisticsNeeds needs = OwnColumns();
    needs.means = false;
    return needs;
  }

  absl::Status CheckSize(const ProblemSize& size) const override {
    REPSCORE_RETURN_IF_ERROR(Measure::CheckSize(size));
    const int64_t p = size.candidate_features;
    const int64_t q = size.reference_features;
    if (p != q && std::max(p, q) > kMostUnits) {
      return absl::InvalidArgumentError(
          StrCat("match.transport couples unequal numbers of features up to ",
                 kMostUnits,
                 "; candidate and reference have ",
                 p,
                 " and ",
                 q,
                 ": select fewer, or as many on both sides"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Evaluation> Evaluate(const Statistics& statistics,
                                      AdjointRequest /*request*/,
                                      Accuracy /*accuracy*/) const override {
    const Eigen::MatrixXd x = CentredRows(statistics, Side::kCandidate);
    const Eigen::MatrixXd y = CentredRows(statistics, Side::kReference);
    Eigen::MatrixXd cost = -2.0 * (x.transpose() * y);
    cost.colwise() += x.colwise().squaredNorm().transpose();
    cost.rowwise() += y.colwise().squaredNorm();
    double squared = 0.0;
    for (const Shipment& shipment : SolveTransport(cost)) {
      squared += shipment.mass *
                 (x.col(shipment.source) - y.col(shipment.sink)).squaredNorm();
    }
    Evaluation result;
    result.value = root_ ? std::sqrt(squared) : squared;
    return result;
  }

 private:
  const MeasureInfo info_;
  const bool root_;
};

absl::StatusOr<std::shared_ptr<const Measure>> MakeHardMatch(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int absolute,
                            parameters.Choice("absolute", {"no", "yes"}));
  MeasureInfo own = info;
  own.lowest = absolute == 1 ? 0.0 : -1.0;
  return std::make_shared<HardMatch>(
      std::move(own), absolute == 1, parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeSoftMeanMax(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(
      const int direction,
      parameters.Choice(
          "direction",
          {"mean", "candidate_to_reference", "reference_to_candidate"}));
  MeasureInfo own = info;
  own.symmetric = direction == 0;
  own.reference_invariances = own.invariances;
  return std::make_shared<SoftMeanMax>(
      std::move(own),
      static_cast<SoftMeanMax::Direction>(direction),
      parameters.Canonical());
}

absl::StatusOr<std::shared_ptr<const Measure>> MakeTransport(
    const MeasureInfo& info, Parameters& parameters) {
  REPSCORE_ASSIGN_OR_RETURN(const int form,
                            parameters.Choice("form", {"distance", "squared"}));
  MeasureInfo own = info;
  own.metric = form == 0;
  return std::make_shared<TransportMatch>(
      std::move(own), form == 0, parameters.Canonical());
}

}  // namespace

std::vector<MeasureEntry> MatchFamily() {
  const MeasureInfo hard = {
      .id = "match.hard",
      .aliases = {},
      .summary = "mean correlation of the best one-to-one pairing of units",
      .orientation = Orientation::kScore,
      .lowest = -1.0,
      .highest = 1.0,
      .symmetric = true,
      .metric = false,
      .differentiable = false,
      .invariances = {"permutation", "scale", "translation"},
      .parameters = {{.name = "absolute",
                      .default_value = "no",
                      .description = "yes pairs and averages |r|"}},
      .minimum_rows = 2,
      .source = "Li et al. 2015, Convergent learning",
      .examples = {"match.hard(absolute=yes)"},
      .cost = "n p q and min(p, q)^2 max(p, q) for the pairing, on the CPU",
      .known_as = {"resi: hard correlation match"}};
  MeasureInfo soft = hard;
  soft.id = "match.soft_mean_max";
  soft.summary = "mean over units of the correlation with their best partner";
  soft.parameters = {
      {.name = "direction",
       .default_value = "mean",
       .description = "whose units look for partners: candidate_to_reference, "
                      "reference_to_candidate or the mean of both"}};
  soft.examples = {"match.soft_mean_max(direction=candidate_to_reference)",
                   "match.soft_mean_max(direction=reference_to_candidate)"};
  soft.cost = "n p q";
  soft.known_as = {"resi: soft correlation match"};
  MeasureInfo transport = hard;
  transport.id = "match.transport";
  transport.summary =
      "soft matching distance: optimal transport between the "
      "units of both sides";
  transport.orientation = Orientation::kDistance;
  transport.lowest = 0.0;
  transport.highest = std::numeric_limits<double>::infinity();
  transport.metric = true;
  transport.invariances = {"permutation", "translation"};
  transport.parameters = {{.name = "form",
                           .default_value = "distance",
                           .description = "distance (root of the transport "
                                          "cost, a metric) or squared"}};
  transport.source = "Khosla & Williams 2024, Soft matching distance";
  transport.examples = {"match.transport(form=squared)"};
  transport.cost = "n p q and about (p + q) p q for the coupling, on the CPU";
  transport.known_as = {};
  return {{hard, MakeHardMatch},
          {soft, MakeSoftMeanMax},
          {transport, MakeTransport}};
}

}  // namespace repscore
