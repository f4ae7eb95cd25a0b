// render_brief.h - an item's table and claims for a screen: a row an arm, a line a claim.
#pragma once

#include <string>

#include "results/judging/judge.h"
#include "results/judging/measure.h"
#include "results/report/document.h"

namespace normlab::judging {

// "Permutation-invariant MNIST (Figure 6), budget smoke, protocol reduced"
std::string Headline(const Measured& measured);
// Arms down, in their groups; of each metric our number and the paper's. Of a matrix the words, conditions down.
report::Table MakeBriefTable(const Measured& measured);
// "0.44 [0.40, 0.48]", or why there is no number.
std::string EffectLine(const Measured& measured, const Judgement& judgement);
// "n 5", "n 5, 1 diverged"; empty without runs. A protocol that is not the item's is named.
std::string RunsLine(const Measured& measured, const Judgement& judgement);

}  // namespace normlab::judging
