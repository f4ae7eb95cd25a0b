#include "results/judging/summary.h"

#include <fmt/format.h>

namespace normlab::judging {

void Add(const std::vector<Judgement>& judgements, Summary& summary) {
  for (const Judgement& j : judgements) {
    if (j.claim->is_fact()) {
      ++summary.facts;
      summary.facts_hold += j.verdict == Verdict::kReproduced || j.verdict == Verdict::kDirectionOnly ? 1 : 0;
      summary.facts_open += j.verdict == Verdict::kNotRun || j.verdict == Verdict::kInconclusive ? 1 : 0;
    } else {
      ++summary.claims;
      ++summary.by_verdict[static_cast<std::size_t>(j.verdict)];
    }
  }
}

std::string SummaryText(const Summary& summary) {
  std::string text;
  if (summary.facts > 0) {
    text = fmt::format("{} of {} fact{} hold", summary.facts_hold, summary.facts, summary.facts == 1 ? "" : "s");
    text += summary.facts_open > 0 ? fmt::format(", {} not decided", summary.facts_open) : "";
  }
  std::string verdicts;
  for (std::size_t v = 0; v < summary.by_verdict.size(); ++v) {
    if (summary.by_verdict[v] > 0) {
      verdicts += fmt::format("{}{} {}", verdicts.empty() ? "" : ", ", summary.by_verdict[v],
                              ToString(static_cast<Verdict>(v)));
    }
  }
  if (summary.claims > 0) {
    text += fmt::format("{}of {} claim{} {}", text.empty() ? "" : "; ", summary.claims, summary.claims == 1 ? "" : "s",
                        verdicts);
  }
  return text.empty() ? "no claims" : text;
}

}  // namespace normlab::judging
