// json.h - numbers and documents of JSON, for programs that read results.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace normlab::report {

using Json = nlohmann::ordered_json;

// JSON has no NaN and no infinity: absent and NaN are null, infinities "inf" and "-inf".
Json ToJson(std::optional<double> value);
// With a line end. Text that is not UTF-8 is replaced: a user's manifest may hold any bytes.
std::string Dump(const Json& json);

}  // namespace normlab::report
