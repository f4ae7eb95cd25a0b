// man_page.h - a command line as a man page, man(7): the descriptions, options and footers that --help prints, so that
// nothing is written twice.
//
// Thread safety: free functions, any thread.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace normlab {

struct ManPageTitle {
  std::string command;  // as it is called: "normlab data fetch"; the page is normlab-data-fetch
  int section = 1;
  std::string version;                // "normlab 0.1.0"
  std::vector<std::string> see_also;  // "normlabd(8)"
};

// A footer's paragraphs: one that begins "Examples:" or "JSON: ..." becomes a section of that name, any other one a
// note. Indented lines are kept as they are.
std::string ManPage(const CLI::App& app, const ManPageTitle& title);

// Adds the hidden flag --man, which ends parsing with CLI::CallForAllHelp.
void AddManFlag(CLI::App& app);

// "normlab-data-fetch" of "normlab data fetch".
std::string ManPageName(const std::string& command);

}  // namespace normlab
