#include "client/commands/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "client/client.h"
#include "client/commands/command.h"
#include "client/text.h"

namespace normlab::client {
namespace {

v1::JobState StateOf(const v1::PlannedRun& run) {
  return run.has_job() ? run.job().state() : v1::JOB_STATE_UNSPECIFIED;
}

bool HasResult(const v1::PlannedRun& run) {
  return StateOf(run) == v1::JOB_STATE_SUCCEEDED || StateOf(run) == v1::JOB_STATE_DIVERGED;
}

bool IsUnderWay(const v1::PlannedRun& run) {
  return StateOf(run) != v1::JOB_STATE_UNSPECIFIED && !IsTerminal(StateOf(run));
}

using ArmName = std::pair<std::string, std::string>;  // item and arm

ArmName ArmOf(const v1::PlannedRun& run) { return {run.item_id(), run.arm()}; }

struct Measured {
  double core_seconds = 0;
  double steps = 0;
  double steps_of_a_run = 0;
};

std::map<ArmName, Measured> MeasureArms(const v1::PlanReproductionResponse& plan) {
  std::map<ArmName, Measured> arms;
  for (const v1::PlannedRun& run : plan.runs()) {
    if (run.job().steps_done() > 0 && run.job().cpu_seconds() > 0) {
      Measured& arm = arms[ArmOf(run)];
      arm.core_seconds += run.job().cpu_seconds();
      arm.steps += static_cast<double>(run.job().steps_done());
      arm.steps_of_a_run = static_cast<double>(run.job().steps_total());
    }
  }
  return arms;
}

}  // namespace

double PlanEstimate::Seconds(int at_a_time) const { return std::max(longest, core_seconds / std::max(at_a_time, 1)); }

PlanEstimate EstimatePlan(const v1::PlanReproductionResponse& plan) {
  const std::map<ArmName, Measured> arms = MeasureArms(plan);
  PlanEstimate estimate;
  for (const v1::PlannedRun& run : plan.runs()) {
    if (HasResult(run)) {
      continue;
    }
    ++estimate.runs;
    double seconds = run.core_seconds();
    if (const auto arm = arms.find(ArmOf(run)); arm != arms.end()) {
      seconds = arm->second.core_seconds / arm->second.steps * arm->second.steps_of_a_run;
      ++estimate.measured;
    } else if (seconds == 0) {
      ++estimate.unknown;
    }
    if (IsUnderWay(run) && run.job().steps_total() > 0) {
      seconds *= 1 - static_cast<double>(run.job().steps_done()) / static_cast<double>(run.job().steps_total());
    }
    estimate.core_seconds += seconds;
    estimate.longest = std::max(estimate.longest, seconds);
  }
  return estimate;
}

std::string RenderPlan(const v1::PlanReproductionResponse& plan, int at_a_time, bool colour) {
  struct Arm {
    ArmName name;
    int stored = 0, under_way = 0, fresh = 0;
  };
  std::vector<Arm> arms;
  for (const v1::PlannedRun& run : plan.runs()) {
    auto arm = std::find_if(arms.begin(), arms.end(), [&](const Arm& a) { return a.name == ArmOf(run); });
    if (arm == arms.end()) {
      arm = arms.insert(arms.end(), {ArmOf(run)});
    }
    ++(HasResult(run) ? arm->stored : IsUnderWay(run) ? arm->under_way : arm->fresh);
  }
  const auto number = [](int n) { return n == 0 ? std::string("-") : std::to_string(n); };
  TextTable table({"ITEM", "ARM", "STORED", "UNDER WAY", "TO RUN"}, {2, 3, 4});
  for (const Arm& arm : arms) {
    table.Add({arm.name.first,
               {arm.name.second, Paint::kBold},
               number(arm.stored),
               number(arm.under_way),
               number(arm.fresh)});
  }
  std::string text = table.Render(colour);
  const PlanEstimate estimate = EstimatePlan(plan);
  if (arms.empty()) {
    return "";
  }
  if (estimate.runs == 0) {
    return text + "Every run is stored.\n";
  }
  if (estimate.unknown == estimate.runs) {
    return text + "How long they take is not known yet.\n";
  }
  const char* source = estimate.measured == estimate.runs - estimate.unknown ? "as measured here"
                       : estimate.measured == 0 ? "as the manifest says of its author's machine"
                                                : "as measured here, and where nothing was, as the manifest says";
  text += fmt::format("About {} with {} at a time, {}", FormatDuration(estimate.Seconds(at_a_time)), at_a_time, source);
  return text + (estimate.unknown > 0
                     ? fmt::format("; {} of {} runs are not counted.\n", estimate.unknown, estimate.runs)
                     : ".\n");
}

std::string RenderPower(const v1::PlanReproductionResponse& plan, bool colour) {
  TextTable table({"ITEM", "CLAIM", "SEEDS", "DECIDED", "LEAST", ""}, {2, 3, 4});
  int facts = 0;
  for (const v1::ClaimPower& power : plan.power()) {
    if (power.fact()) {
      ++facts;
      continue;
    }
    const bool known = power.unknown().empty();
    table.Add({power.item_id(),
               {power.claim_id(), Paint::kBold},
               std::to_string(power.seeds()),
               known ? fmt::format("{:.0f} %", 100 * power.decides()) : "-",
               !known                     ? "-"
               : power.least_seeds() == 0 ? fmt::format("> {}", kMostSeeds)
                                          : std::to_string(power.least_seeds()),
               {power.unknown(), Paint::kDim}});
  }
  std::string text;
  if (plan.power_size() > facts) {
    text += "\n" + table.Render(colour) +
            "DECIDED: how often these seeds confirm a claim if the paper is right. LEAST: seeds of every arm for 80 %; "
            "more with --seeds.\n"
            "From simulated runs like the paper's, with the noise between seeds that the manifest tells.\n";
  }
  return facts == 0 ? text
                    : text + fmt::format("{} fact{} of arithmetic besides, which one seed shows.\n", facts,
                                         facts == 1 ? "" : "s");
}

Json PlanJson(const v1::PlanReproductionResponse& plan, int at_a_time) {
  Json runs = Json::array();
  for (const v1::PlannedRun& run : plan.runs()) {
    Json& json = runs.emplace_back(Json{{"item_id", run.item_id()}, {"arm", run.arm()}, {"seed", run.spec().seed()}});
    if (run.has_job()) {
      json["job_id"] = run.job().job_id();
      json["state"] = StateName(run.job().state());
    }
  }
  const PlanEstimate estimate = EstimatePlan(plan);
  Json not_run = Json::array();
  for (const v1::NotRunItem& item : plan.not_run()) {
    not_run.push_back({{"item_id", item.item_id()}, {"reason", item.reason()}});
  }
  Json json = {{"paper_id", plan.paper_id()}, {"runs", runs}, {"not_run", not_run}, {"power", Json::array()}};
  for (const v1::ClaimPower& power : plan.power()) {
    json["power"].push_back({{"item_id", power.item_id()},
                             {"claim_id", power.claim_id()},
                             {"statement", power.statement()},
                             {"seeds", power.seeds()},
                             {"fact", power.fact()},
                             {"unknown", power.unknown()},
                             {"decides", power.decides()},
                             {"least_seeds", power.least_seeds()}});
  }
  if (estimate.runs == 0 || estimate.unknown < estimate.runs) {
    json["core_seconds"] = estimate.core_seconds;
    json["seconds"] = estimate.Seconds(at_a_time);
  }
  return json;
}

}  // namespace normlab::client
