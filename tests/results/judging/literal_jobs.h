// literal_jobs.h - jobs as a test writes them down.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "results/judging/comparison.h"

namespace normlab::judging {

// A finished run with one curve per given list of values, at steps 10, 20, ...
inline ComparedJob MakeJob(std::string name, std::string norm, std::uint64_t seed,
                           const std::vector<std::vector<double>>& ys) {
  ComparedJob job{.name = std::move(name),
                  .experiment = "mnist_mlp",
                  .fields = {{"norm", std::move(norm)}, {"batch_size", "128"}},
                  .seed = seed,
                  .state = "SUCCEEDED",
                  .diverged = false,
                  .computed_by = "",
                  .curves = {}};
  for (const std::vector<double>& y : ys) {
    stats::Curve& curve = job.curves.emplace_back();
    for (const double value : y) {
      curve.x.push_back(10.0 * static_cast<double>(curve.x.size() + 1));
      curve.y.push_back(value);
    }
  }
  return job;
}

inline ComparedJob Diverged(ComparedJob job) {
  job.state = "DIVERGED";
  job.diverged = true;
  return job;
}

}  // namespace normlab::judging
