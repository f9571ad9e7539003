#include "core/optimize/run_problem.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "core/analysis/label_decoding.h"
#include "core/base/dtype.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/registry.h"

namespace repscore {
namespace {

constexpr ScalarType kDouble = ScalarType::kFloat64;
// Flops of the products of a step below which the backend uses one thread.
constexpr double kSmallStep = 4e7;
// Those that a device is not filled with: it works on several members at once,
// each enqueued by a thread.
constexpr double kSmallDeviceStep = 2e9;
// Operations of the steps of a turn, and their most.
constexpr double kTurnWork = 5e9;
constexpr int64_t kMostTurnSteps = 16;
// Variance share of a component above which M = X'Y tells its projection to
// about 1e-5: M has the rounding of |X| |Y|.
constexpr double kLeastShareMixed = 1e-4;
constexpr double kLeastShareDouble = 1e-12;

int64_t FeaturesOf(const OptimizationPlan& plan, const Reference& reference) {
  if (const auto* array = std::get_if<HostArray>(&plan.start)) {
    return FeatureCount(array->spec);
  }
  const auto* gaussian = std::get_if<GaussianStart>(&plan.start);
  return gaussian != nullptr && gaussian->features > 0 ? gaussian->features
                                                       : reference.features();
}

class ProblemMaker {
 public:
  ProblemMaker(std::shared_ptr<const Reference> reference,
               OptimizationPlan plan)
      : problem_(std::make_unique<RunProblem>()),
        backend_(reference->backend()) {
    problem_->reference = std::move(reference);
    problem_->plan = std::move(plan);
  }

  absl::StatusOr<std::unique_ptr<const RunProblem>> Make() {
    REPSCORE_RETURN_IF_ERROR(CheckStart());
    REPSCORE_RETURN_IF_ERROR(CreateMeasures());
    REPSCORE_RETURN_IF_ERROR(AssignNeeds());
    PlaceReference();
    PlaceComponents();
    REPSCORE_RETURN_IF_ERROR(DescribeLabels());
    return std::move(problem_);
  }

 private:
  const Reference& reference() const { return *problem_->reference; }
  const OptimizationPlan& plan() const { return problem_->plan; }
  const Matrix& Rows() const {
    return reference().Rows(problem_->moves_both() || problem_->full_reference);
  }

  absl::Status CheckStart() {
    if (const auto* array = std::get_if<HostArray>(&plan().start)) {
      REPSCORE_RETURN_IF_ERROR(
          CheckedByteSize(array->spec, "start.candidate.spec").status());
    }
    problem_->features = FeaturesOf(plan(), reference());
    return absl::OkStatus();
  }

  absl::Status CreateMeasures() {
    for (size_t i = 0; i < plan().terms.size(); ++i) {
      REPSCORE_ASSIGN_OR_RETURN(
          std::shared_ptr<const Measure> measure,
          CreateMeasure(plan().terms[i].measure, TermField(i)));
      problem_->measures.push_back(std::move(measure));
    }
    for (size_t i = 0; i < plan().tracked.size(); ++i) {
      REPSCORE_ASSIGN_OR_RETURN(
          std::shared_ptr<const Measure> measure,
          CreateMeasure(plan().tracked[i], StrCat("trace.tracked[", i, "]")));
      problem_->tracked.push_back(std::move(measure));
    }
    return absl::OkStatus();
  }

  std::string TermField(size_t i) const {
    const std::string& given = plan().terms[i].field;
    return given.empty() ? StrCat("terms[", i, "].measure") : given;
  }

  absl::Status AssignNeeds() {
    ProblemSize size;
    size.rows = reference().rows();
    size.candidate_features = problem_->features;
    size.reference_features = Rows().cols();
    size.space = ChooseSpace(size.rows, size.candidate_features);
    for (const auto* group : {&problem_->measures, &problem_->tracked}) {
      for (const auto& measure : *group) {
        problem_->full_reference |= measure->Needs(size).full_reference;
      }
    }
    size.reference_features = Rows().cols();
    std::map<std::string, Folds> folds;
    for (size_t i = 0; i < problem_->measures.size(); ++i) {
      REPSCORE_RETURN_IF_ERROR(Add(*problem_->measures[i],
                                   size,
                                   TermField(i),
                                   folds,
                                   problem_->step_needs));
    }
    problem_->trace_needs = problem_->step_needs;
    for (size_t i = 0; i < problem_->tracked.size(); ++i) {
      REPSCORE_RETURN_IF_ERROR(Add(*problem_->tracked[i],
                                   size,
                                   StrCat("trace.tracked[", i, "]"),
                                   folds,
                                   problem_->trace_needs));
    }
    if (plan().principal_components > 0 && size.space == Space::kFeature) {
      problem_->trace_needs.gram = true;
    }
    problem_->order =
        std::make_unique<RowOrder>(reference().rows(), std::move(folds));
    return absl::OkStatus();
  }

  absl::Status Add(const Measure& measure,
                   const ProblemSize& size,
                   std::string_view field,
                   std::map<std::string, Folds>& folds,
                   StatisticsNeeds& needs) const {
    absl::Status fits = measure.CheckSize(size);
    if (fits.ok() && measure.fold_rule() != nullptr) {
      const FoldRule& rule = *measure.fold_rule();
      absl::StatusOr<Folds> assigned =
          rule.Assign(LayoutOf(reference().dataset()));
      fits = assigned.status();
      if (fits.ok()) {
        folds[rule.ToString()] = *std::move(assigned);
      }
    }
    if (!fits.ok()) {
      return {fits.code(), StrCat(field, ".id: ", fits.message())};
    }
    needs |= measure.Needs(size);
    return absl::OkStatus();
  }

  void PlaceReference() {
    problem_->exact_reference = problem_->order->Apply(backend_, Rows());
    problem_->reference_means = reference().means();
    const Matrix& rows = problem_->exact_reference;
    problem_->stored_reference = rows;
    if (plan().storage != kDouble) {
      problem_->stored_reference =
          backend_.Allocate(rows.rows(), rows.cols(), plan().storage);
      backend_.Copy(rows, problem_->stored_reference);
    }
    if (problem_->moves_both()) {
      return;
    }
    StatisticsNeeds needs = problem_->trace_needs;
    needs.full_reference = problem_->full_reference;
    const ReferenceConstants constants = reference().Constants(needs);
    problem_->constants.norm_squared = constants.norm_squared;
    problem_->constants.gram = constants.gram;
    if (needs.reference_kernel) {
      problem_->constants.kernel = problem_->order->is_identity()
                                       ? constants.kernel
                                       : KernelOf(backend_, rows);
    }
    if (needs.row_norms) {
      problem_->constants.row_norms =
          problem_->order->Apply(backend_, constants.row_norms);
    }
  }

  void PlaceComponents() {
    if (plan().principal_components == 0) {
      return;
    }
    const Reference::PrincipalComponents leading =
        reference().principal_components(plan().principal_components);
    problem_->variance_shares = leading.variance_share;
    const Matrix vectors = problem_->order->Apply(backend_, leading.vectors);
    problem_->components =
        backend_.Allocate(vectors.rows(), vectors.cols(), plan().storage);
    backend_.Copy(vectors, problem_->components);
    if (problem_->moves_both() || !problem_->trace_needs.cross) {
      return;
    }
    const double least =
        plan().storage == kDouble ? kLeastShareDouble : kLeastShareMixed;
    const auto& shares = problem_->variance_shares;
    const int64_t count =
        std::find_if(shares.begin(),
                     shares.end(),
                     [least](double share) { return share < least; }) -
        shares.begin();
    if (count == 0) {
      return;
    }
    // Y'u_i = s_i v_i and u_i = Y v_i / s_i.
    const Matrix& y = problem_->exact_reference;
    problem_->axes = backend_.Allocate(y.cols(), count, kDouble);
    backend_.Gemm(Op::kTranspose,
                  Op::kNone,
                  1.0,
                  y,
                  vectors.Columns(0, count),
                  0.0,
                  problem_->axes);
    const double norm_squared =
        backend_.Dot(reference().centred(), reference().centred());
    for (int64_t i = 0; i < count; ++i) {
      const Matrix axis = problem_->axes.Columns(i, 1);
      const double scale =
          1.0 / (shares[static_cast<size_t>(i)] * norm_squared);
      backend_.Axpby(0.0, axis, scale, axis);
    }
  }

  absl::Status DescribeLabels() {
    if (!plan().decoding.has_value()) {
      return absl::OkStatus();
    }
    const TraceDecoding& decoding = *plan().decoding;
    REPSCORE_ASSIGN_OR_RETURN(LabelDecoders made,
                              MakeDecoders(reference().dataset(),
                                           decoding.labels,
                                           decoding.options,
                                           "trace.decoding"));
    const Matrix& rows = reference().centred();
    const Matrix transposed =
        backend_.Allocate(rows.cols(), rows.rows(), kDouble);
    backend_.Transpose(rows, transposed);
    std::vector<double> elements(static_cast<size_t>(rows.size()));
    backend_.Download(transposed, absl::MakeSpan(elements));
    std::vector<Decoder*> decoders;
    for (const auto& decoder : made.decoders) {
      decoders.push_back(decoder.get());
    }
    REPSCORE_ASSIGN_OR_RETURN(
        const std::vector<DecodingResult> results,
        DecodeTogether(decoders, elements, rows.cols(), backend_.threads()));
    for (const DecodingResult& result : results) {
      problem_->label_names.push_back(result.label);
      problem_->labels.push_back({.label = result.label,
                                  .classes = result.classes,
                                  .chance = result.chance,
                                  .reference_accuracy = result.accuracy});
    }
    return absl::OkStatus();
  }

  std::unique_ptr<RunProblem> problem_;
  Backend& backend_;
};

}  // namespace

double RunProblem::StepWork() const {
  const auto n = static_cast<double>(reference->rows());
  const auto p = static_cast<double>(features);
  const auto q = static_cast<double>(exact_reference.cols());
  const double inner =
      ChooseSpace(reference->rows(), features) == Space::kFeature ? p * (p + q)
                                                                  : n * (p + q);
  return 2.0 * n * inner;
}

bool RunProblem::is_small() const {
  return StepWork() <
         (reference->backend().name() == "cpu" ? kSmallStep : kSmallDeviceStep);
}

int64_t RunProblem::turn_steps() const {
  if (!labels.empty() || trace_needs.kernel || trace_needs.candidate_rows ||
      trace_needs.reference_rows) {
    return 1;
  }
  return std::clamp<int64_t>(
      static_cast<int64_t>(kTurnWork / StepWork()), 1, kMostTurnSteps);
}

absl::StatusOr<std::unique_ptr<const RunProblem>> MakeRunProblem(
    std::shared_ptr<const Reference> reference, OptimizationPlan plan) {
  return ProblemMaker(std::move(reference), std::move(plan)).Make();
}

}  // namespace repscore
