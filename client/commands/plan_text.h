// plan_text.h - what a reproduction will run and how long it takes, as people and as JSON. Pure functions.
#pragma once

#include <string>

#include "client/json.h"
#include "normlab/v1/papers.pb.h"

namespace normlab::client {

// Time that the runs of a plan without a result still need.
struct PlanEstimate {
  double core_seconds = 0;
  double longest = 0;  // of one run
  int runs = 0;        // without a result
  int measured = 0;    // of those, estimated by runs of the same arm on this server; the others as the manifest says
  int unknown = 0;     // of those, left out: neither knows

  // With so many runs at a time.
  double Seconds(int at_a_time) const;
};

// A run takes what the finished and running ones of its arm take a step, else what its manifest says.
PlanEstimate EstimatePlan(const v1::PlanReproductionResponse& plan);

// A line per arm: how many of its runs are stored, under way or still to be made. Last, the time they need with
// `at_a_time` runs at once.
std::string RenderPlan(const v1::PlanReproductionResponse& plan, int at_a_time, bool colour);

// A line per claim: how likely it is to be decided, and how many seeds of every arm would make that likely.
std::string RenderPower(const v1::PlanReproductionResponse& plan, bool colour);

// paper_id; runs[]: item_id, arm, seed and, of a stored run, job_id, state; unless nothing is known: core_seconds,
// seconds; not_run[]; if it was asked for, power[].
Json PlanJson(const v1::PlanReproductionResponse& plan, int at_a_time);

}  // namespace normlab::client
