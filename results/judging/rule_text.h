// rule_text.h - the rule a claim is judged by, in words with its numbers: printed beside every verdict.
#pragma once

#include <string>

#include "results/judging/manifest.h"

namespace normlab::judging {

std::string RuleText(const Item& item, const Claim& claim, double from, double to);

// "LayerNorm, batch size 4"
std::string ArmText(const Item& item, int arm);

}  // namespace normlab::judging
