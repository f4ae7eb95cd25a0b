// paging.h - searches in pages. A page's token names its last entry: the next page begins behind it, wherever it then stands.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/mlflow/filter.h"

namespace normlab::server {

// kInvalidArgument unless it is 0, which means `usual`, or 1 to `most`.
absl::StatusOr<std::size_t> ReadLimit(std::int64_t max_results, std::int64_t usual, std::int64_t most);
// kInvalidArgument names the entry that is wrong.
absl::StatusOr<std::vector<Order>> ReadOrders(const google::protobuf::RepeatedPtrField<std::string>& order_by,
                                              const Attributes& attributes);
// What a token gets whose entry is not among those found any more.
absl::Status LostPlace(std::string_view token);

// Which of the entries are on the page, and the token of the next one; empty: there is none.
struct Page {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string next;
};

template <typename Entry, typename Name>
absl::StatusOr<Page> CutPage(const std::vector<Entry>& entries, std::size_t limit, std::string_view token,
                             const Name& name) {
  Page page;
  if (!token.empty()) {
    const auto last =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return name(entry) == token; });
    if (last == entries.end()) {
      return LostPlace(token);
    }
    page.begin = static_cast<std::size_t>(last - entries.begin()) + 1;
  }
  page.end = std::min(entries.size(), page.begin + limit);
  page.next = page.end < entries.size() ? name(entries[page.end - 1]) : "";
  return page;
}

}  // namespace normlab::server
