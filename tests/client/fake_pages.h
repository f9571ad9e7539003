// Lists of a scripted server, page by page.
#ifndef REPSCORE_TESTS_CLIENT_FAKE_PAGES_H_
#define REPSCORE_TESTS_CLIENT_FAKE_PAGES_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace repscore::client {

/// Items of the page that `token` (a decimal index) names.
template <typename Item, typename Response>
void FillPage(const std::vector<Item>& items,
              int32_t page_size,
              const std::string& token,
              google::protobuf::RepeatedPtrField<Item>* page,
              Response* response) {
  const size_t first = token.empty() ? 0 : std::stoul(token);
  const size_t end =
      std::min(items.size(), first + static_cast<size_t>(page_size));
  page->Assign(items.begin() + static_cast<std::ptrdiff_t>(first),
               items.begin() + static_cast<std::ptrdiff_t>(end));
  if (end < items.size()) {
    response->set_next_page_token(std::to_string(end));
  }
}

}  // namespace repscore::client

#endif  // REPSCORE_TESTS_CLIENT_FAKE_PAGES_H_
