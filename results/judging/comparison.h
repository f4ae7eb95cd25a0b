// comparison.h - any jobs side by side: which of them are one arm with several seeds, what they reached, and how arms
// differ seed by seed.
//
// Jobs whose configurations agree in all but the seed form an arm; the first job's arm is the one others are held
// against. This module knows no store and no messages. Thread safety: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "results/judging/evidence.h"
#include "results/stats/curve.h"

namespace normlab::judging {

using stats::kConfidence;

struct ComparedJob {
  std::string name;  // "j17"
  std::string experiment;
  std::vector<std::pair<std::string, std::string>> fields;  // the configuration: "norm" -> "layer"; without the seed
  std::uint64_t seed = 0;
  std::string state;  // "succeeded", for the list of runs
  bool diverged = false;
  std::string computed_by;           // see computed_by.h; empty: not told
  std::vector<stats::Curve> curves;  // over steps, in the order of Comparison::series; empty: not recorded
};

struct Comparison {
  struct Arm {
    std::string label;              // what tells it from the others: "norm=layer batch_size=4"
    std::vector<std::size_t> jobs;  // of Comparison::jobs, in the order of their seeds
  };

  // One series of an arm.
  struct Cell {
    std::vector<double> values;  // at Row::at, of runs that did not diverge
    int diverged = 0;
    std::optional<double> mean;
    std::optional<stats::Interval> interval;  // of the mean
    std::optional<double> best;               // the mean of the best values up to there
  };

  // An arm less the first one, over runs of the same seed: the evidence of a claim of direction.
  struct Difference {
    Evidence evidence;
    std::optional<double> p_holm;  // over every difference there is; absent where there is no p
  };

  // One series of all arms.
  struct Row {
    double at = 0;                        // the last step that every run that did not diverge has reached
    bool higher_is_better = false;        // else lower is
    std::vector<Cell> cells;              // by arm
    std::vector<Difference> differences;  // by arm; that of the first one stays empty
  };

  std::vector<ComparedJob> jobs;
  std::vector<std::string> series;
  std::vector<Arm> arms;
  std::vector<Row> rows;             // by series
  std::vector<std::string> repeats;  // "j9 repeats j4": of the same configuration and seed, left out
};

// `series` names what each job's curves are, `higher_is_better` those of them of which more is better: it tells the best
// value and on which side a run that diverged stands. Every difference is in one family.
Comparison Compare(std::vector<ComparedJob> jobs, std::vector<std::string> series,
                   const std::set<std::string>& higher_is_better = {});

}  // namespace normlab::judging
