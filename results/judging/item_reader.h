// item_reader.h - one item of a manifest, from its node. See results/papers/README.md.
#pragma once

#include <string>

#include "base/yaml.h"
#include "results/judging/manifest.h"
#include "results/judging/map_reader.h"

namespace normlab::judging {

// Every problem is reported; the item's indices hold even after some.
Item ReadItem(const std::string& id, const YamlNode* node, const Files& files, Problems& problems);

}  // namespace normlab::judging
