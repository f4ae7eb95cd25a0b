// summary.h - verdicts counted: facts of arithmetic apart from samples.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "results/judging/judge.h"

namespace normlab::judging {

struct Summary {
  int facts = 0;
  int facts_hold = 0;
  int facts_open = 0;                       // not run, or not decided
  int claims = 0;                           // that samples judge
  std::array<int, kVerdicts> by_verdict{};  // of those, in the order of Verdict
};
void Add(const std::vector<Judgement>& judgements, Summary& summary);

// "24 of 25 facts hold; of 10 claims 3 REPRODUCED, 7 NOT_RUN"
std::string SummaryText(const Summary& summary);

}  // namespace normlab::judging
