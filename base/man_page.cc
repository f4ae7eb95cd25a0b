#include "base/man_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace normlab {
namespace {

// As it stands on the page, whatever roff would read in it.
std::string Escaped(const std::string& text) {
  std::string escaped = absl::StrReplaceAll(
      text,
      {{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}, {"`", "\\(ga"}, {"^", "\\(ha"}, {"~", "\\(ti"}, {"\"", "\\(dq"}});
  return escaped[0] == '.' ? "\\&" + escaped : escaped;
}

std::string Bold(const std::string& text) { return "\\fB" + Escaped(text) + "\\fR"; }
std::string Italic(const std::string& text) { return "\\fI" + Escaped(text) + "\\fR"; }
std::string Section(const std::string& name) { return ".SH \"" + Escaped(absl::AsciiStrToUpper(name)) + "\"\n"; }
std::string Item(const std::string& term, const std::string& text) { return ".TP\n" + term + "\n" + text + "\n"; }
std::string Upper(int section, const std::string& name) {
  return fmt::format("{} {}", absl::AsciiStrToUpper(Escaped(name)), section);
}

std::string OptionItem(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) {
    names += (names.empty() ? "" : ", ") + Bold("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    names += (names.empty() ? "" : ", ") + Bold("--" + name);
  }
  if (option.get_positional()) {
    names = Italic(option.get_name(true));
  } else if (option.get_expected_max() > 0) {
    names += " " + Italic(option.get_type_name());
  }
  const std::string standard = option.get_default_str();
  return Item(names + (option.get_expected_max() > 1 ? " ..." : ""),
              Escaped(option.get_description() + (standard.empty() ? "" : " [" + standard + "]")));
}

std::string Options(const CLI::App& app, bool positional) {
  std::string text;
  for (const std::string& group : app.get_groups()) {
    std::string items;
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group() == group && !group.empty() && option->get_positional() == positional) {
        items += OptionItem(*option);
      }
    }
    text += items.empty() ? "" : Section(positional ? "Arguments" : group) + items;
  }
  return text;
}

// "Examples" of "Examples:", "JSON" of "JSON: jobs[]"; empty where a sentence has a colon.
std::string Heading(const std::string& line) {
  const std::string heading = line.substr(0, line.find(':'));
  const bool letters =
      std::all_of(heading.begin(), heading.end(), [](char c) { return absl::ascii_isalpha(c) || c == ' '; });
  return letters && heading != line && std::count(heading.begin(), heading.end(), ' ') < 2 ? heading : "";
}

// Lines that begin with a blank are kept as they are, the others are filled.
std::string Paragraph(const std::vector<std::string>& lines) {
  std::string text;
  bool verbatim = false;
  for (const std::string& line : lines) {
    if (const bool indented = line[0] == ' '; indented != verbatim) {
      text += indented ? ".nf\n" : ".fi\n";
      verbatim = indented;
    }
    text += line.empty() ? "" : Escaped(line) + "\n";
  }
  return text + (verbatim ? ".fi\n" : "");
}

std::string Footer(const std::string& footer) {
  std::string sections, notes;
  for (const std::string& paragraph : std::vector<std::string>(absl::StrSplit(footer, "\n\n", absl::SkipEmpty()))) {
    std::vector<std::string> lines = absl::StrSplit(paragraph, '\n');
    if (const std::string heading = Heading(lines[0]); !heading.empty()) {
      lines[0].erase(0, lines[0].find_first_not_of(": ", heading.size()));
      sections += Section(heading) + Paragraph(lines);
    } else {
      notes += ".PP\n" + Paragraph(lines);
    }
  }
  return sections + (notes.empty() ? "" : Section("Notes") + notes);
}

std::string Commands(const CLI::App& app, const std::string& command) {
  std::string items;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) {
    if (!sub->get_group().empty()) {
      items += Item(Bold(sub->get_name()), Escaped(sub->get_description()) + ". See " +
                                               Bold(ManPageName(command + " " + sub->get_name())) + "(1).");
    }
  }
  return items.empty() ? "" : Section("Commands") + items;
}

std::string Synopsis(const CLI::App& app, const std::string& command) {
  std::string text = Section("Synopsis") + Bold(command) + " [" + Italic("OPTIONS") + "]";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const std::string name = Italic(option->get_name(true)) + (option->get_expected_max() > 1 ? "..." : "");
      text += option->get_required() ? " " + name : " [" + name + "]";
    }
  }
  return text + (app.get_subcommands(nullptr).empty() ? "\n" : " " + Italic("COMMAND") + "\n");
}

}  // namespace

std::string ManPageName(const std::string& command) { return absl::StrReplaceAll(command, {{" ", "-"}}); }

void AddManFlag(CLI::App& app) {
  app.set_help_all_flag("--man", "print this as a man page")->group("");
  // The library's own message names this flag too, by the name that hidden ones do not have.
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return std::string(error.what()) + "\nRun with --help for more information.\n";
  });
}

std::string ManPage(const CLI::App& app, const ManPageTitle& title) {
  const std::string name = ManPageName(title.command);
  const std::string& description = app.get_description();
  std::string text = fmt::format(".TH {} \"\" \"{}\" normlab\n", Upper(title.section, name), Escaped(title.version));
  text += Section("Name") + Escaped(name) + " \\- " + Escaped(description.substr(0, description.find(". "))) + "\n";
  text += Synopsis(app, title.command) + Section("Description") + Escaped(description) + "\n";
  text += Commands(app, title.command) + Options(app, true) + Options(app, false) + Footer(app.get_footer());
  if (!title.see_also.empty()) {
    std::string pages;
    for (const std::string& page : title.see_also) {
      pages += (pages.empty() ? "" : ", ") + Bold(page.substr(0, page.find('('))) + page.substr(page.find('('));
    }
    text += Section("See also") + pages + "\n";
  }
  return text;
}

}  // namespace normlab
