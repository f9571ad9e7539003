// Results of measures that are needed again: by other measures of the same
// pair of sides, or by the same measure with another reference.
#ifndef REPSCORE_CORE_STATISTICS_MEMO_H_
#define REPSCORE_CORE_STATISTICS_MEMO_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace repscore {

/// Not thread-safe: use from the backend's thread.
class Memo {
 public:
  /// What `make` returned for `key`, a std::shared_ptr<const T>: a key belongs
  /// to one T. With a null memo, `make` runs every time.
  template <class Make>
  static auto Remember(const std::shared_ptr<Memo>& memo,
                       const std::string& key,
                       Make make) -> decltype(make()) {
    if (memo == nullptr) {
      return make();
    }
    const auto at = memo->kept_.find(key);
    if (at != memo->kept_.end()) {
      using T = typename decltype(make())::element_type;
      return std::static_pointer_cast<T>(at->second);
    }
    auto made = make();
    memo->kept_[key] = made;
    return made;
  }

  /// What is kept for `key`, or null.
  template <class T>
  static std::shared_ptr<const T> Find(const std::shared_ptr<Memo>& memo,
                                       const std::string& key) {
    if (memo == nullptr) {
      return nullptr;
    }
    const auto at = memo->kept_.find(key);
    return at == memo->kept_.end()
               ? nullptr
               : std::static_pointer_cast<const T>(at->second);
  }

 private:
  std::map<std::string, std::shared_ptr<const void>> kept_;
};

}  // namespace repscore

#endif  // REPSCORE_CORE_STATISTICS_MEMO_H_
