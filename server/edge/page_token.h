// page_token.h - where the next page of a list starts, bound to the list's filter.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "results/store/store.h"

namespace normlab::server {

// `filter` is any text that is equal for equal filters.
std::string MakePageToken(store::JobId before, std::string_view filter);

// kInvalidArgument for a token that was not made here or was made for another filter.
absl::StatusOr<store::JobId> ReadPageToken(std::string_view token, std::string_view filter);

// The same for lists in another order.
std::string MakePlaceToken(const store::JobPlace& after, std::string_view filter);
absl::StatusOr<store::JobPlace> ReadPlaceToken(std::string_view token, std::string_view filter);

}  // namespace normlab::server
