// job_words.h - what a job is called where people read it: normlab's own by its spec, an external run as its program named it.
//
// Thread safety: free functions, any thread.
#pragma once

#include <string>

#include "normlab/v1/jobs.pb.h"

namespace normlab::client {

// "mnist_mlp"; of an external run its program's own.
std::string ExperimentOf(const v1::Job& job);
// What is not as by default, "norm=layer seed=3"; of an external run its name and parameters, "external: fast lr=0.1".
std::string SummaryOf(const v1::Job& job);
// Of an external run the parameter or label "seed", as far as it is a number; else 0.
std::uint64_t SeedOf(const v1::Job& job);

}  // namespace normlab::client
