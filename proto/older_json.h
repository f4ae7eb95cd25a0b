// older_json.h - jobs as builds before this one wrote them into bundles.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace normlab {

// AdoptOlderFields (proto/spec.h) for JSON, whose reader knows fields by their names: moves what an older build wrote as an
// experiment's own fields to where they are now. `job` is a v1.Job as JSON; whatever is no such job is left as it is.
void MoveOlderFields(nlohmann::json& job);

}  // namespace normlab
