// submit.h - from a spec on the wire to a job that can be stored: resolved, checked, identified.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "normlab/v1/jobs.pb.h"
#include "proto/spec.h"
#include "results/store/store.h"

namespace normlab::server {

struct ResolvedJob {
  v1::JobSpec spec;  // every field set
  std::string identity;
  std::string dataset;  // "mnist"
};

// Fills in defaults, checks fields and the rules between them, and hashes spec and data set. Appends what is wrong; a
// field that is out of range is reported once, not again by the rules.
ResolvedJob ResolveJob(const v1::JobSpec& spec, std::vector<FieldViolation>& violations);

// The job that `request` asks for. Paths of violations start with `prefix`: "" or "requests[3].".
store::NewJob PrepareJob(const v1::CreateJobRequest& request, const std::string& prefix,
                         std::vector<FieldViolation>& violations);

}  // namespace normlab::server
