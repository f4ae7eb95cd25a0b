#include "server/schedule/computed_by.h"

#include <fmt/format.h>

namespace normlab::server {

std::string ComputedByText(const std::map<std::string, std::string>& facts) {
  const auto numerics = facts.find("numerics_revision"), model = facts.find("model_revision"),
             arithmetic = facts.find("arithmetic");
  if (numerics == facts.end() || model == facts.end() || arithmetic == facts.end()) {
    return "";
  }
  return fmt::format("numerics revision {}, model revision {}, {}", numerics->second, model->second,
                     arithmetic->second);
}

}  // namespace normlab::server
