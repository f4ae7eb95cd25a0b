// protocol.h - how near a budget's runs are to what the paper did, worked out from what both say.
#pragma once

#include <string>
#include <vector>

#include "results/judging/manifest.h"
#include "results/judging/verdict.h"

namespace normlab::judging {

struct Protocol {
  Tier tier = Tier::kExact;
  std::vector<std::string> deviations;  // "passes 16 instead of 130"; empty: exact
  std::vector<bool> same_curve;         // by group: its runs are the paper's, as far as they go
};

// Compares each field, length and data set with those of the manifest's exact budget; `datasets` are what runs of each group used. A
// manifest without an exact budget has none that is the paper's.
Protocol ProtocolOf(const Item& item, const Budget& budget, const std::vector<std::vector<std::string>>& datasets);

}  // namespace normlab::judging
