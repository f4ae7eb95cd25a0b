#include "server/schedule/computed_by.h"

#include <fmt/format.h>

namespace normlab::server {

std::string ContentText(const std::map<std::string, std::string>& facts) {
  const auto content = facts.find(kContentFact);
  return content == facts.end() ? "" : content->second.substr(0, 12);
}

std::string ComputedByText(const std::map<std::string, std::string>& facts) {
  const auto numerics = facts.find("numerics_revision"), model = facts.find("model_revision"),
             arithmetic = facts.find("arithmetic");
  if (numerics == facts.end() || model == facts.end() || arithmetic == facts.end()) {
    return "";
  }
  const std::string content = ContentText(facts);
  return fmt::format("numerics revision {}, model revision {}, {}{}{}", numerics->second, model->second,
                     arithmetic->second, content.empty() ? "" : ", data ", content);
}

}  // namespace normlab::server
