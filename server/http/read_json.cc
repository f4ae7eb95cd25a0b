#include "server/http/json.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include "base/text.h"
#include "server/edge/errors.h"

namespace normlab::server::http {
namespace {

constexpr std::size_t kMaxReason = 200;  // bytes of what protobuf says is wrong

std::string Join(std::string_view path, std::string_view name) {
  return fmt::format("{}{}{}", path, path.empty() || name.empty() ? "" : ".", name);
}

// What protobuf says of a wrong field, as a violation: "(jobs[1]) nam: Cannot find field.", "(seed): invalid value ...",
// or a text about the whole document, whose second line quotes it.
absl::Status ViolationOf(std::string_view said, std::string_view path) {
  std::string field(path);
  if (said.starts_with('(') && said.find(')') != std::string_view::npos) {
    const std::size_t end = said.find(')');
    field = Join(field, said.substr(1, end - 1));
    said.remove_prefix(end + 1);
  }
  const std::size_t colon = said.find(": ");
  const std::string_view name = said.substr(said.starts_with(' ') ? 1 : 0, colon - (said.starts_with(' ') ? 1 : 0));
  if (colon != std::string_view::npos && name.find(' ') == std::string_view::npos) {
    field = Join(field, name);
    said.remove_prefix(colon + 2);
  }
  if (said == "Cannot find field.") {
    return BadField(field, "is no field of this message; /openapi.json lists them");
  }
  return BadField(field, OneLine(said.substr(0, said.find('\n')), kMaxReason));
}

}  // namespace

absl::Status ReadJson(std::string_view text, std::string_view path, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &message);
  return status.ok() ? absl::OkStatus() : ViolationOf({status.message().data(), status.message().size()}, path);
}

}  // namespace normlab::server::http
