// json.h - the documents --json prints. Keys are stable: scripts may depend on them; docs are in `normlab COMMAND
// --help`.
//
// Names are those of the wire messages; states without their prefix ("RUNNING"), times in ISO 8601 UTC, absent values
// left out, NaN and infinities as the strings "NaN", "Infinity", "-Infinity".
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "normlab/v1/catalog.pb.h"
#include "normlab/v1/curves.pb.h"
#include "normlab/v1/jobs.pb.h"
#include "normlab/v1/papers.pb.h"

namespace normlab::client {

using Json = nlohmann::ordered_json;

Json NumberToJson(double value);
inline std::vector<std::string> Strings(const google::protobuf::RepeatedPtrField<std::string>& strings) {
  return {strings.begin(), strings.end()};
}
// "RUNNING"
std::string StateName(v1::JobState state);

// Every set field under its name, enum values in their short form ("layer"), oneof members as members.
Json MessageToJson(const google::protobuf::Message& message);

Json LabelsToJson(const v1::Job& job);
Json JobToJson(const v1::Job& job);
Json SeriesToJson(const v1::Series& series);
Json ExperimentToJson(const v1::Experiment& experiment);

// Two blanks of indentation, newline at the end; bytes that are not UTF-8 are replaced.
std::string Dump(const Json& json);

}  // namespace normlab::client
