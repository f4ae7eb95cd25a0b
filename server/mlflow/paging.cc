#include "server/mlflow/paging.h"

#include <fmt/format.h>

#include "proto/spec_text.h"
#include "server/edge/errors.h"

namespace normlab::server {

absl::StatusOr<std::size_t> ReadLimit(std::int64_t max_results, std::int64_t usual, std::int64_t most) {
  if (max_results < 0 || max_results > most) {
    return BadField("max_results", fmt::format("is {}; expected 1 to {}", max_results, most));
  }
  return static_cast<std::size_t>(max_results == 0 ? usual : max_results);
}

absl::StatusOr<std::vector<Order>> ReadOrders(const google::protobuf::RepeatedPtrField<std::string>& order_by,
                                              const Attributes& attributes) {
  std::vector<Order> orders;
  for (int i = 0; i < order_by.size(); ++i) {
    NORMLAB_ASSIGN_OR_RETURN(Order order, ParseOrder(order_by[i], attributes, fmt::format("order_by[{}]", i)));
    orders.push_back(std::move(order));
  }
  return orders;
}

absl::Status LostPlace(std::string_view token) {
  return BadField("page_token",
                  fmt::format("is {}, which is not found any more; search again from the start", Shown(token)));
}

}  // namespace normlab::server
