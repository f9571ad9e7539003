#include "core/self_test/self_test.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/analysis/score_stream.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/measures/reference.h"
#include "core/measures/registry.h"
#include "core/optimize/optimization.h"

namespace repscore {
namespace {

constexpr std::string_view kHost = "cpu";
constexpr std::string_view kField = "measure";
// Rounding of sums of 750 products of numbers up to 1.
constexpr double kSumTolerance = 1e-12;
// Rounding through factors; other devices factor and reduce in other orders.
constexpr double kFactorTolerance = 1e-11;
constexpr double kDeviceFactorTolerance = 1e-9;
// Printed digits, and rounding that five steps carry on.
constexpr double kAscentTolerance = 1e-10;
constexpr double kDeviceAscentTolerance = 1e-9;
constexpr double kLearningRate = 0.1;

double ToleranceOf(GoldenKind kind, bool on_host) {
  switch (kind) {
    case GoldenKind::kSum:
      return kSumTolerance;
    case GoldenKind::kFactor:
      return on_host ? kFactorTolerance : kDeviceFactorTolerance;
    case GoldenKind::kAscent:
      return on_host ? kAscentTolerance : kDeviceAscentTolerance;
  }
  return kSumTolerance;
}

/// Short enough to be read in one line of a log.
std::string Digits(double value) {
  return absl::StrFormat("%.16g", value);
}

class SelfTest {
 public:
  static absl::StatusOr<SelfTest> Create(Backend& backend) {
    GoldenPair pair = MakeGoldenPair();
    auto dataset = std::make_shared<Dataset>();
    dataset->name = "golden-pair";
    dataset->description.spec = pair.reference.spec;
    dataset->data = std::move(pair.reference.data);
    REPSCORE_RETURN_IF_ERROR(Normalize(dataset->description));
    REPSCORE_ASSIGN_OR_RETURN(std::shared_ptr<const Reference> reference,
                              Reference::Create(backend, std::move(dataset)));
    return SelfTest(std::move(reference), std::move(pair.candidate));
  }

  absl::StatusOr<SelfTestCheck> Check(const GoldenValue& golden) const {
    const Backend& backend = reference_->backend();
    SelfTestCheck check;
    check.measure = std::string(golden.measure);
    check.step = golden.step;
    check.expected = golden.expected;
    check.tolerance = ToleranceOf(golden.kind, backend.name() == kHost);
    const absl::StatusOr<double> value =
        Guarded([&] { return Value(golden, check.measure); });
    if (value.ok()) {
      check.actual = *value;
    } else if (absl::IsResourceExhausted(value.status())) {
      return value.status();
    } else {
      check.error = StrCat(value.status().message());
    }
    return check;
  }

 private:
  SelfTest(std::shared_ptr<const Reference> reference, HostArray candidate)
      : reference_(std::move(reference)), candidate_(std::move(candidate)) {}

  /// Writes the canonical specification into `id`.
  absl::StatusOr<double> Value(const GoldenValue& golden,
                               std::string& id) const {
    REPSCORE_ASSIGN_OR_RETURN(
        std::shared_ptr<const Measure> measure,
        CreateMeasure({.id = std::string(golden.measure)}, kField));
    id = measure->id();
    return golden.kind == GoldenKind::kAscent ? Ascend(id, golden.step)
                                              : Score(std::move(measure));
  }

  absl::StatusOr<double> Score(std::shared_ptr<const Measure> measure) const {
    REPSCORE_ASSIGN_OR_RETURN(
        const std::unique_ptr<ScoreStream> stream,
        ScoreStream::Create(reference_, {std::move(measure)}, candidate_.spec));
    REPSCORE_RETURN_IF_ERROR(stream->Append(candidate_.data));
    REPSCORE_ASSIGN_OR_RETURN(const ScoreReport report, stream->Finish());
    return report.scores.front().value;
  }

  absl::StatusOr<double> Ascend(const std::string& id, int64_t steps) const {
    OptimizationPlan plan;
    plan.terms = {{.measure = {.id = id}, .field = std::string(kField)}};
    plan.start = candidate_;
    plan.adam.learning_rate = kLearningRate;
    plan.stopping.max_steps = steps;
    plan.storage = ScalarType::kFloat64;
    REPSCORE_ASSIGN_OR_RETURN(
        const std::unique_ptr<Optimization> run,
        Optimization::Create(reference_, std::move(plan)));
    std::optional<double> score;
    while (run->stop_reason() == StopReason::kNone) {
      REPSCORE_RETURN_IF_ERROR(run->Step());
      for (const TracePoint& point : run->TakeTrace()) {
        score = point.step == steps ? point.scores.front() : score;
      }
    }
    if (!score.has_value()) {
      return absl::InternalError(
          StrCat("the optimisation ended before step ", steps));
    }
    return *score;
  }

  std::shared_ptr<const Reference> reference_;
  HostArray candidate_;
};

}  // namespace

bool SelfTestCheck::passed() const {
  return actual.has_value() && std::abs(*actual - expected) <= tolerance;
}

bool SelfTestReport::passed() const {
  return std::all_of(checks.begin(), checks.end(), [](const auto& check) {
    return check.passed();
  });
}

absl::Status SelfTestReport::status() const {
  const auto is_failed = [](const SelfTestCheck& check) {
    return !check.passed();
  };
  const auto first = std::find_if(checks.begin(), checks.end(), is_failed);
  if (first == checks.end()) {
    return absl::OkStatus();
  }
  const auto failed = std::count_if(checks.begin(), checks.end(), is_failed);
  return absl::DataLossError(
      StrCat("self-test on ",
             device,
             ": ",
             failed,
             " of ",
             checks.size(),
             " checks failed; first ",
             first->measure,
             first->step > 0 ? StrCat(" after ", first->step, " steps") : "",
             ": expected ",
             Digits(first->expected),
             ", got ",
             first->actual.has_value() ? Digits(*first->actual)
                                       : StrCat("no value: ", first->error),
             ", tolerance ",
             first->tolerance));
}

absl::StatusOr<SelfTestReport> RunSelfTest(
    Backend& backend,
    const std::function<absl::Status()>& keep_going,
    absl::Span<const GoldenValue> values) {
  REPSCORE_ASSIGN_OR_RETURN(const SelfTest test,
                            Guarded([&] { return SelfTest::Create(backend); }));
  SelfTestReport report;
  report.device = backend.name();
  for (const GoldenValue& golden : values) {
    REPSCORE_RETURN_IF_ERROR(keep_going ? keep_going() : absl::OkStatus());
    REPSCORE_ASSIGN_OR_RETURN(SelfTestCheck check, test.Check(golden));
    report.checks.push_back(std::move(check));
    REPSCORE_RETURN_IF_ERROR(backend.Health());
  }
  return report;
}

}  // namespace repscore
