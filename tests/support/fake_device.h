// A device for tests of what a GPU makes necessary: forwards to the CPU
// backend, has memory of its own that can run out, and fails when told to.
#ifndef REPSCORE_TESTS_SUPPORT_FAKE_DEVICE_H_
#define REPSCORE_TESTS_SUPPORT_FAKE_DEVICE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "core/backend/backend.h"

namespace repscore::testing {

/// What a test does to a device, from any thread, and what it has seen there.
/// Outlives the backends of the device.
class FakeDevice {
 public:
  explicit FakeDevice(std::string name, int64_t memory_bytes = int64_t{1} << 40)
      : name_(std::move(name)), memory_bytes_(memory_bytes) {}

  /// A queue of the device.
  std::unique_ptr<Backend> MakeBackend();

  const std::string& name() const { return name_; }
  int64_t memory_bytes() const { return memory_bytes_; }
  int64_t used_bytes() const { return used_bytes_; }
  int64_t operations() const { return operations_; }

  /// The next `count` allocations fail, whatever is free.
  void FailAllocations(int count) { failing_allocations_ = count; }

  /// How many are still to fail.
  int failing_allocations() const { return failing_allocations_; }

  /// Every operation from the `after`-th from now on fails for good.
  void Break(int64_t after = 0) { breaks_at_ = operations_ + after; }
  bool is_broken() const { return is_broken_; }

  /// `count` products are NaN, after the next `after` of them.
  void SpoilProducts(int count, int after = 0) {
    sound_products_ = after;
    spoiled_products_ = count;
  }
  /// How many are still to come before those.
  int sound_products() const { return sound_products_; }
  /// How many are still to be NaN.
  int spoiled_products() const { return spoiled_products_; }

  /// What the next `count` ways back to the rows give is NaN.
  void SpoilGradients(int count) { spoiled_gradients_ = count; }

  /// The first entry of every product in float64 is off by so much.
  void BendProducts(double error) { bend_ = error; }

  /// Every operation takes this long at least.
  void SlowDown(std::chrono::microseconds duration) { delay_ = duration; }

 private:
  friend class FakeBackend;

  const std::string name_;
  const int64_t memory_bytes_;
  std::atomic<int64_t> used_bytes_ = 0;
  std::atomic<int64_t> operations_ = 0;
  std::atomic<int64_t> breaks_at_ = INT64_MAX;
  std::atomic<bool> is_broken_ = false;
  std::atomic<int> failing_allocations_ = 0;
  std::atomic<int> sound_products_ = 0;
  std::atomic<int> spoiled_products_ = 0;
  std::atomic<int> spoiled_gradients_ = 0;
  std::atomic<double> bend_ = 0.0;
  std::atomic<std::chrono::microseconds> delay_ = std::chrono::microseconds{0};
};

}  // namespace repscore::testing

#endif  // REPSCORE_TESTS_SUPPORT_FAKE_DEVICE_H_
