// write_results.h - asks for everything that shows a paper's result and writes it to a folder.
#pragma once

#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/commands/paper_argument.h"
#include "client/json.h"

namespace normlab::client {

struct ResultsOf {
  PaperArgument paper;
  std::vector<std::string> items;         // with runs: a table and a figure each
  std::vector<std::string> report_items;  // of the report; empty: all, those that are not run too
  std::string budget;
  int seeds = 0;         // at least so many of every arm; 0: the budget's
  bool verbose = false;  // of what is for a terminal
};

struct ItemResult {
  std::string item;
  std::vector<std::string> verdicts;
  std::string table_text;  // for a terminal
  Json table_json;
};

struct WrittenResults {
  std::vector<ItemResult> items;
  std::vector<std::string> files;  // in the order in which a person wants them
  bool different = false;          // a claim came out DIFFERENT
};

std::string VerdictName(v1::Verdict verdict);  // "REPRODUCED"
bool AnyDifferent(const v1::GetTableResponse& table);

// Writes report.html, report.md and, per item, table.{md,tex,csv,json} and figure.{svg,csv} to `directory`; with
// several items those go to a folder per item. Each file is replaced whole.
absl::StatusOr<WrittenResults> WriteResults(Client& client, const ResultsOf& what, const std::string& directory,
                                            const std::stop_token& stop);

}  // namespace normlab::client
