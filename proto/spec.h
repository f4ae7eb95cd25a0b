// spec.h - job specs by reflection: defaults filled in, every wrong field named at once, identity hashed.
//
// No code here knows an experiment: everything comes from the field options in options.proto. Adding a field or an
// experiment changes the .proto alone.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "normlab/v1/experiments.pb.h"

namespace normlab {

// One wrong field: where, and what was met and expected, fit for a person.
struct FieldViolation {
  std::string path;         // "mnist_mlp.batch_size"
  std::string description;  // "is 0; expected an integer >= 1 and <= 55000 (examples)"
};

// A copy of `spec` in which every unset field holds its default. Appends to `violations` every field out of range, NaN,
// infinite, an unknown enum number, and a missing experiment (path "experiment"); unknown wire fields too.
// Rules that tie fields together (batch_size <= train_images) are the experiments' own: see proto/rules.h.
v1::JobSpec ResolveSpec(const v1::JobSpec& spec, std::vector<FieldViolation>& violations);

// What an older build wrote, as this build has it: a field that has moved is where it is now. ResolveSpec does so first.
void AdoptOlderFields(v1::JobSpec& spec);

// kInvalidArgument with one line per violation; OK for none.
absl::Status ViolationsToStatus(const std::vector<FieldViolation>& violations);

// "mnist_mlp": the name of the oneof member that is set; empty if none is.
std::string ExperimentName(const v1::JobSpec& spec);

// The registry name of the spec's data set ("mnist", "fashion_mnist"): the value of the field marked `dataset`. Empty
// if the experiment has none.
std::string DatasetName(const v1::JobSpec& resolved);
// The same of an experiment's configuration.
std::string ConfigDatasetName(const google::protobuf::Message& config);

// Data sets that a job measures on beside its own: of skip-thoughts, those that sentence vectors are tried on.
struct SideData {
  std::vector<std::string> datasets;
  bool required = false;  // else the job leaves out those that are not there
};
SideData SideDataOf(const v1::JobSpec& resolved);

// What a run's bits depend on beside its configuration and data: code. See base/numerics.h and ExperimentMeta.
struct Revisions {
  int numerics = 0;  // of the engine
  int model = 0;     // of the experiment; 0 if the spec names none

  bool operator==(const Revisions&) const = default;
};
// Those of this build.
Revisions RevisionsOf(const v1::JobSpec& spec);

// Hex SHA-256 over the resolved spec in canonical form, the hash of its data set and the revisions. Independent of field
// order on the wire and of the protobuf version: canonical means "path=value" lines sorted by field number, doubles as
// their bits. Of a spec that an older build resolved, the fields which that build knew count, as they did there.
std::string Identity(const v1::JobSpec& resolved, std::string_view dataset_sha256, Revisions revisions);
// A run of this build.
std::string Identity(const v1::JobSpec& resolved, std::string_view dataset_sha256);

// --- What can be run, for catalogues, help texts and completion ---

struct ChoiceInfo {
  std::string name;  // "layer"
  std::string meaning;
};
struct FieldInfo {
  std::string name;           // "batch_size"
  std::string type;           // "int", "number", "bool", "choice"
  std::string default_value;  // "128"
  std::string range;          // ">= 1 and <= 55000"; empty: none
  std::string unit;
  std::string meaning;
  std::vector<ChoiceInfo> choices;
};
struct ExperimentInfo {
  std::string name;
  std::string summary;
  std::vector<FieldInfo> fields;
};
// In the order of JobSpec's oneof.
std::vector<ExperimentInfo> Experiments();

}  // namespace normlab
