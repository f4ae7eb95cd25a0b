// resolve.h - from a spec to a run with an identity: defaults filled in, fields and rules checked, data set named.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "normlab/v1/experiments.pb.h"
#include "proto/spec.h"
#include "server/schedule/local_data.h"

namespace normlab::server {

struct ResolvedJob {
  v1::JobSpec spec;  // every field set
  std::string identity;
  std::string dataset;  // "mnist"
};

// The identity of a resolved spec computed by `revisions`. `content`: SHA-256 of what its data set holds, where the
// registry does not pin it; empty: not known, or pinned.
std::string IdentityOf(const v1::JobSpec& resolved, Revisions revisions, std::string_view content);

// Fills in defaults, checks fields and the rules between them, and hashes spec and data set as `data` has it. Appends what is wrong; a
// field that is out of range is reported once, not again by the rules.
ResolvedJob ResolveJob(const v1::JobSpec& spec, const LocalData& data, std::vector<FieldViolation>& violations);

}  // namespace normlab::server
