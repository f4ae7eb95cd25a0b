#include "client/commands/result_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace normlab::client {
namespace {

struct Known {
  std::string name;
  std::string extension;
  v1::Format format;
};

const std::vector<Known>& KnownFormats() {
  static const std::vector<Known> known = {
      {"terminal", ".txt", v1::FORMAT_TERMINAL}, {"markdown", ".md", v1::FORMAT_MARKDOWN},
      {"latex", ".tex", v1::FORMAT_LATEX},       {"csv", ".csv", v1::FORMAT_CSV},
      {"json", ".json", v1::FORMAT_JSON},        {"html", ".html", v1::FORMAT_HTML},
      {"svg", ".svg", v1::FORMAT_SVG},           {"png", ".png", v1::FORMAT_PNG}};
  return known;
}

const Known& Named(const std::string& name) {
  return *std::find_if(KnownFormats().begin(), KnownFormats().end(),
                       [&name](const Known& known) { return known.name == name; });
}

}  // namespace

void AddFormatOptions(Session& session, CLI::App& command, ResultFormat& format) {
  AddChoice(session, command, "--format", format.format, format.allowed,
            fmt::format("how to write it [what the file's name ends in, else {}]", format.allowed.front()));
  command.add_option("-o,--output", format.output, "file to write; - or none: stdout")->type_name("FILE");
}

absl::StatusOr<v1::Format> ChosenFormat(const Session& session, const ResultFormat& format) {
  if (session.json) {
    return v1::FORMAT_JSON;
  }
  if (!format.format.empty()) {
    return Named(format.format).format;
  }
  const std::string extension = std::filesystem::path(format.output).extension();
  if (extension.empty()) {
    return Named(format.allowed.front()).format;
  }
  std::vector<std::string> extensions;
  for (const std::string& name : format.allowed) {
    if (Named(name).extension == extension) {
      return Named(name).format;
    }
    extensions.push_back(Named(name).extension);
  }
  return absl::InvalidArgumentError(fmt::format("{}: ends in {}; expected one of {}, or say --format", format.output,
                                                extension, fmt::join(extensions, " ")));
}

}  // namespace normlab::client
