// arguments.h - the small languages of the command line: seed lists, labels, and grids of field values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proto/spec.h"

namespace normlab::client {

// "1-3,7" -> 1 2 3 7. Repeated seeds once. At most 1,000.
std::vector<std::uint64_t> ParseSeeds(const std::string& text, std::vector<FieldViolation>& violations);

// "who=ana" -> {who, ana}. A key given twice is a violation.
std::map<std::string, std::string> ParseLabels(const std::vector<std::string>& labels,
                                               std::vector<FieldViolation>& violations);

using Pairs = std::vector<std::pair<std::string, std::string>>;

// {norm: "none,layer"}, {batch-size: "4"} -> every combination, the last field changing fastest. A value given twice counts once.
std::vector<Pairs> ExpandGrid(const Pairs& fields);

// What CLI11 did not know of `normlab submit`: "--name value" and "--name=value". Anything else is a violation.
Pairs ParseExtras(const std::vector<std::string>& extras, std::vector<FieldViolation>& violations);

}  // namespace normlab::client
