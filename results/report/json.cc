#include "results/report/json.h"

#include <cmath>

namespace normlab::report {

Json ToJson(std::optional<double> value) {
  if (!value || std::isnan(*value)) {
    return nullptr;
  }
  return std::isinf(*value) ? Json(*value > 0 ? "inf" : "-inf") : Json(*value);
}

std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace normlab::report
