// convert_results.h - what judging found, as messages.
//
// Thread safety: free functions, any thread.
#pragma once

#include <cstddef>
#include <string>

#include "normlab/v1/papers.pb.h"
#include "results/judging/judge.h"
#include "results/judging/power.h"
#include "results/judging/result_data.h"

namespace normlab::server {

void ToWire(const judging::Item& item, const judging::Judgement& judgement, v1::ClaimVerdict& wire);
void ToWire(const judging::NamedCell& cell, v1::TableCell& wire);
// The points from `begin` on, before `end`.
void ToWire(const judging::FigureCurve& curve, std::size_t begin, std::size_t end, v1::FigureCurve& wire);
void ToWire(const std::string& item, const judging::ClaimPower& power, v1::ClaimPower& wire);

}  // namespace normlab::server
