// A sound backend passes the self-test; one that computes wrong fails it.
#include "core/self_test/self_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "core/measures/registry.h"
#include "tests/support/fake_device.h"
#include "tests/support/problem.h"

namespace repscore::testing {
namespace {

using ::testing::HasSubstr;

// A hundred times what sums may be off by: no plausible rounding.
constexpr double kBend = 1e-10;

TEST(GoldenPairTest, IsTheOneThatTestsUse) {
  const repscore::GoldenPair pair = repscore::MakeGoldenPair();
  const GoldenPair expected = MakeGoldenPair();

  EXPECT_EQ(FromHostArray(pair.reference).values, expected.a.values);
  EXPECT_EQ(FromHostArray(pair.candidate).values, expected.b.values);
}

TEST(GoldenValuesTest, AreOneOfEachSpecification) {
  std::set<std::pair<std::string, int64_t>> seen;

  for (const GoldenValue& golden : GoldenValues()) {
    const auto measure =
        CreateMeasure({.id = std::string(golden.measure)}, "measure");
    ASSERT_TRUE(measure.ok()) << measure.status();
    EXPECT_TRUE(seen.insert({(*measure)->id(), golden.step}).second)
        << golden.measure;
  }
}

class GoldenValueTest : public ::testing::TestWithParam<GoldenValue> {};

TEST_P(GoldenValueTest, ComesAgain) {
  const absl::StatusOr<SelfTestReport> report =
      RunSelfTest(TestBackend(), nullptr, absl::MakeSpan(&GetParam(), 1));

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status().ok()) << report->status();
}

INSTANTIATE_TEST_SUITE_P(
    All,
    GoldenValueTest,
    ::testing::ValuesIn(GoldenValues().begin(), GoldenValues().end()),
    [](const auto& golden) {
      std::string name = std::string(golden.param.measure) + "_step_" +
                         std::to_string(golden.param.step);
      std::replace_if(
          name.begin(),
          name.end(),
          [](unsigned char letter) { return std::isalnum(letter) == 0; },
          '_');
      return name;
    });

TEST(SelfTestTest, ADeviceWithASmallErrorFailsAndIsNamed) {
  FakeDevice device("cuda:7");
  device.BendProducts(kBend);
  const std::unique_ptr<Backend> backend = device.MakeBackend();

  const absl::StatusOr<SelfTestReport> report = RunSelfTest(*backend);

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed());
  EXPECT_EQ(report->checks.size(), GoldenValues().size());
  EXPECT_FALSE(report->checks.front().passed());
  ASSERT_TRUE(report->checks.front().actual.has_value());
  const absl::Status status = report->status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("self-test on cuda:7: "));
  EXPECT_THAT(message,
              HasSubstr("first cka: expected 0.4893427391044152, got"));
  EXPECT_THAT(message, HasSubstr("tolerance 1e-12"));
}

TEST(SelfTestTest, ADeviceThatGivesNanFailsWithTheReason) {
  FakeDevice device("cuda:0");
  const std::unique_ptr<Backend> backend = device.MakeBackend();
  device.SpoilProducts(INT_MAX);

  const absl::StatusOr<SelfTestReport> report = RunSelfTest(*backend);

  if (report.ok()) {
    EXPECT_FALSE(report->passed());
    EXPECT_THAT(std::string(report->status().message()),
                HasSubstr("got no value: "));
  } else {
    EXPECT_THAT(std::string(report.status().message()), HasSubstr("NaN"));
  }
}

TEST(SelfTestTest, AHealthyDeviceOfAnotherNamePasses) {
  FakeDevice device("cuda:0");
  const std::unique_ptr<Backend> backend = device.MakeBackend();

  const absl::StatusOr<SelfTestReport> report = RunSelfTest(*backend);

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->passed());
  EXPECT_EQ(report->device, "cuda:0");
}

TEST(SelfTestTest, AMeasureThatIsNotThereIsAFailedCheck) {
  const GoldenValue golden = {.measure = "nothing", .expected = 1.0};

  const absl::StatusOr<SelfTestReport> report =
      RunSelfTest(TestBackend(), nullptr, absl::MakeSpan(&golden, 1));

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed());
  EXPECT_THAT(report->checks.front().error, HasSubstr("nothing"));
}

TEST(SelfTestTest, EndsWhenItIsTold) {
  int asked = 0;

  const absl::StatusOr<SelfTestReport> report =
      RunSelfTest(TestBackend(), [&asked] {
        ++asked;
        return asked > 2 ? absl::CancelledError("enough") : absl::OkStatus();
      });

  EXPECT_EQ(report.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(asked, 3);
}

TEST(SelfTestTest, ADeviceOutOfMemoryIsAnError) {
  FakeDevice device("cuda:0");
  const std::unique_ptr<Backend> backend = device.MakeBackend();
  int asked = 0;

  const absl::StatusOr<SelfTestReport> report =
      RunSelfTest(*backend, [&]() -> absl::Status {
        device.FailAllocations(++asked == 3 ? 1 : 0);
        return absl::OkStatus();
      });

  EXPECT_EQ(report.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(asked, 3);
}

TEST(SelfTestTest, ADeviceThatBreaksIsAnError) {
  FakeDevice device("cuda:0");
  const std::unique_ptr<Backend> backend = device.MakeBackend();
  constexpr int64_t kSomeOperations = 100;
  device.Break(kSomeOperations);

  const absl::StatusOr<SelfTestReport> report = RunSelfTest(*backend);

  EXPECT_EQ(report.status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace repscore::testing
