// spec_text.h - job specs as people write them: YAML or JSON files, and name=value pairs of a command line.
//
// A spec file is the message in protobuf's JSON mapping, in YAML or JSON, with enum values in their short form as well:
//
//     seed: 3
//     mnist_mlp: {norm: layer, batch_size: 4}
//
// Every wrong field is reported at once with its path: unknown ("is not a field; did you mean batch_size?"), wrong
// type, not a choice ("is layr; expected one of none, batch, layer, weight, rms; did you mean layer?"), NaN, given
// twice.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/spec.h"

namespace normlab {

// Looks at names and types only; pass the same list on to ResolveSpec, which adds what is out of range.
//
// Parses one YAML or JSON document. A document that is not well-formed is one violation that names line and column.
// Limits: 64 KiB, depth 16, 20,000 values; YAML anchors, aliases and tags are refused. Violations end with line and column.
v1::JobSpec ParseSpec(std::string_view text, std::vector<FieldViolation>& violations);

// Builds a spec of `experiment` from pairs such as {"batch-size", "4"}, {"norm", "layer"}; '-' and '_' mean the same.
v1::JobSpec SpecFromPairs(std::string_view experiment, const std::vector<std::pair<std::string, std::string>>& pairs,
                          std::vector<FieldViolation>& violations);

// The short form of a resolved spec: only fields that differ from their defaults, "norm=layer batch_size=4 seed=3".
std::string SummarizeSpec(const v1::JobSpec& resolved);

// Every set field of the experiment's configuration as name and text, "norm" and "layer".
std::vector<std::pair<std::string, std::string>> ConfigFields(const v1::JobSpec& spec);

// The spec as YAML that ParseSpec reads back, every set field on a line.
std::string SpecToYaml(const v1::JobSpec& spec);

// The name nearest to `word` among `names` by edit distance, or empty if none is near.
std::string Nearest(std::string_view word, const std::vector<std::string>& names);

// Foreign text as it may stand in a message or a log: at most 40 characters, others than printable ASCII as \xNN.
std::string Shown(std::string_view text);

}  // namespace normlab
