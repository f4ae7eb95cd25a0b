// resolve.h - from a spec to a run with an identity: defaults filled in, fields and rules checked, data set named.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "normlab/v1/experiments.pb.h"
#include "proto/spec.h"

namespace normlab::server {

struct ResolvedJob {
  v1::JobSpec spec;  // every field set
  std::string identity;
  std::string dataset;  // "mnist"
};

// The identity of a resolved spec with its data set as the registry has it, computed by `revisions`.
std::string IdentityOf(const v1::JobSpec& resolved, Revisions revisions);

// Fills in defaults, checks fields and the rules between them, and hashes spec and data set. Appends what is wrong; a
// field that is out of range is reported once, not again by the rules.
ResolvedJob ResolveJob(const v1::JobSpec& spec, std::vector<FieldViolation>& violations);

}  // namespace normlab::server
