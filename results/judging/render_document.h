// render_document.h - what was measured and judged, as a document for the renderers of results/report.
#pragma once

#include <memory>
#include <vector>

#include "results/judging/judge.h"
#include "results/judging/manifest.h"
#include "results/judging/measure.h"
#include "results/report/document.h"

namespace normlab::judging {

// One item, measured and judged.
struct ItemResult {
  std::shared_ptr<const Budget> budget;  // which `measured` borrows
  Measured measured;
  std::vector<Judgement> judgements;
};

// The table of an item: every metric of every arm beside the paper's numbers, notes, and the claims.
report::Section MakeSection(const ItemResult& result);

// Sections of `results` under one heading that names paper, budget, data, seeds and the command that regenerates it.
report::Document MakeDocument(const Manifest& manifest, const std::vector<ItemResult>& results);

}  // namespace normlab::judging
