// document.h - a report before it has a format: what every renderer is given.
//
// Text is UTF-8 without markup; renderers escape. Numbers arrive as text (see number.h), with ±, ×10⁻⁴ and − as typeset
// text has them: each renderer turns those into what its format wants. Rendering is a pure function: same document,
// same bytes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "results/report/text.h"

namespace normlab::report {

struct Column {
  std::string title;
  Align align = Align::kRight;
};

// A table in bands: rows under a heading that spans the columns.
struct Table {
  struct Band {
    std::string heading;
    std::vector<std::vector<std::string>> rows;  // as many cells as columns
  };
  std::string caption;
  std::vector<Column> columns;
  std::vector<Band> bands;
};

enum class Tone { kGood, kPartial, kBad, kOpen };

// A claim with its verdict.
struct Finding {
  std::string id;       // "ln-ahead"
  std::string verdict;  // "REPRODUCED"
  Tone tone = Tone::kOpen;
  std::string claim;
  std::string place;
  std::string limits;  // what the verdict is limited by, to stand beside it; empty: nothing
  std::string reason;
  std::vector<std::pair<std::string, std::string>> facts;  // "ratio" -> "0.31 [0.25, 0.38]"
  std::string rule;                                        // empty: there was nothing to rule on
  // In a line: the number, or why there is none; and of how many runs.
  std::string effect = {};
  std::string n = {};
  bool as_said = false;  // a fact that holds: counted, and listed only where everything is
};

struct Picture {
  std::string name;  // "mnist": for files and anchors
  std::string caption;
  std::string svg;                          // drawn into the page; or empty, and then:
  std::string media_type = {}, bytes = {};  // an image of its own, "image/png"
};

struct VerdictCount {
  std::string verdict;
  Tone tone = Tone::kOpen;
  int count = 0;
};

struct Section {
  std::string id;  // "mnist"
  std::string title;
  std::string budget;                // a sentence; empty: there is none
  std::vector<VerdictCount> counts;  // of the findings
  Table table;                       // no columns: none
  std::vector<std::string> notes;
  std::vector<Picture> pictures;
  std::vector<Finding> findings;
  Table runs;  // which runs stand behind it; no columns: none listed
  // What a screen has room for, and RenderBrief alone shows: its own title, and the numbers.
  std::string headline = {};
  Table brief = {};
};

struct Document {
  std::string title;
  std::vector<std::pair<std::string, std::string>> about;  // "budget" -> "smoke: 3 seeds, ..."
  std::string command;                                     // regenerates it
  std::string details;                                     // shows what RenderBrief leaves out
  std::vector<Section> sections;
};

std::string RenderTerminal(const Document& document);
// The same on a screen: numbers, and a line a claim.
std::string RenderBrief(const Document& document);
std::string RenderMarkdown(const Document& document);
// A fragment for \input: tables need booktabs; the claims follow as a list.
std::string RenderLatex(const Document& document);
// One page that needs nothing else: no scripts, no network; light and dark; prints.
std::string RenderHtml(const Document& document);

}  // namespace normlab::report
