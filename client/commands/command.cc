#include "client/commands/command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "base/nearest.h"
#include "base/parse_number.h"
#include "client/download.h"
#include "client/help.h"
#include "client/output.h"
#include "client/text.h"
#include "proto/spec.h"
#include "proto/spec_text.h"

namespace normlab::client {

absl::StatusOr<Client*> Session::client() {
  if (client_ == nullptr) {
    use_ = endpoint.address.empty() ? ServerUse::Join(endpoint) : std::nullopt;
    NORMLAB_ASSIGN_OR_RETURN(client_, Client::Connect(endpoint, environment_.stop));
  }
  return client_.get();
}

void Session::Disconnect() {
  client_ = nullptr;
  use_.reset();
}

void Session::NoteWarning(const std::string& warning) {
  if (!warning.empty() && warned_.insert(warning).second) {
    Note(fmt::format("Warning: {}\n", warning));
  }
}

std::string Session::OutPaint(std::string_view text, Paint paint) const { return Painted(text, paint, out_colour()); }

namespace {

// "jobs --format: x is not one of plot, text; did you mean text?" CLI11's own check does not suggest.
CLI::Option* Restrict(Session& session, CLI::Option* option, const std::vector<std::string>& names) {
  session.choices[option] = names;
  option->check(CLI::Validator(
      [names](const std::string& value) {
        if (std::find(names.begin(), names.end(), value) != names.end()) {
          return std::string();
        }
        return fmt::format("is {}; expected one of {}{}", value, fmt::join(names, ", "),
                           DidYouMean(Nearest(value, names)));
      },
      ""));
  return option->type_name(option->get_positional() ? "" : "NAME");
}

}  // namespace

void AddServerOptions(CLI::App& command, ServerOptions& options, const std::string& jobs, const std::string& when) {
  command.add_option("--jobs", options.slots, jobs)->type_name("N")->check(Whole(1, 1024));
  command
      .add_option("--stall-seconds", options.stall_seconds,
                  fmt::format("how long a job may make no step before it is tried again{} [900]", when))
      ->type_name("SECONDS")
      ->check(Whole(1, 86'400));
}

std::vector<std::string> ExperimentNames() {
  std::vector<std::string> names;
  for (const ExperimentInfo& experiment : Experiments()) {
    names.push_back(experiment.name);
  }
  return names;
}

void AddSeedsOption(CLI::App& command, int& seeds) {
  command.add_option("--seeds", seeds, "at least so many seeds of every arm [as the budget has it]")
      ->type_name("N")
      ->check(Whole(1, kMostSeeds));
}

void AddBudgetOption(Session& session, CLI::App& command, std::string& budget, const std::string& budgets) {
  CLI::Option* option =
      command.add_option("--budget", budget, fmt::format("{} [{}]", budgets, kDefaultBudget))->type_name("NAME");
  session.choices[option] = {"smoke", "quick", "long", "paper"};
}

CLI::Option* AddChoice(Session& session, CLI::App& command, const std::string& option, std::string& value,
                       const std::vector<std::string>& names, const std::string& description) {
  return Restrict(session,
                  command.add_option(option, value, fmt::format("{}: {}", description, fmt::join(names, ", "))), names);
}

CLI::Option* AddChoices(Session& session, CLI::App& command, const std::string& option,
                        std::vector<std::string>& values, const std::vector<std::string>& names,
                        const std::string& description) {
  return Restrict(
      session, command.add_option(option, values, fmt::format("{}: {}", description, fmt::join(names, ", "))), names);
}

namespace {

bool IsStdout(const std::string& file) { return file.empty() || file == "-"; }

int Written(Session& session, const std::string& file, std::uint64_t bytes) {
  session.Note(fmt::format("{} written ({})\n", file, FormatBytes(bytes)));
  return kExitOk;
}

}  // namespace

bool Confirm(Session& session, const std::string& question) {
  if (!session.environment().ask) {
    return true;
  }
  session.Note(fmt::format("normlab: {}? [y/N] ", question));
  const std::string answer = absl::AsciiStrToLower(session.environment().ask());
  return answer == "y" || answer == "yes";
}

absl::StatusOr<int> WriteOutput(Session& session, const std::string& file, const std::string& content) {
  if (IsStdout(file)) {
    session.Print(content);
    return kExitOk;
  }
  NORMLAB_RETURN_IF_ERROR(WriteFile(file, content, session.environment().stop));
  return Written(session, file, content.size());
}

absl::StatusOr<int> WriteArtifact(Session& session, Client& client, const std::string& job_id, const std::string& name,
                                  const std::string& file) {
  if (IsStdout(file)) {
    const auto print = [&session](std::string_view piece) { return session.PrintNow(piece); };
    NORMLAB_RETURN_IF_ERROR(client.ReadArtifact(job_id, name, print));
    return kExitOk;
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::uint64_t bytes,
                           DownloadArtifact(client, job_id, name, file, session.environment().stop));
  return Written(session, file, bytes);
}

namespace {

// Ranges are not part of --help's option names: the descriptions say them in words.
CLI::Validator Numbers(std::function<bool(const std::string&)> accepts, const std::string& expected) {
  return CLI::Validator(
      [accepts = std::move(accepts), expected](const std::string& text) {
        return accepts(text) ? std::string() : fmt::format("is {}; expected {}", text, expected);
      },
      "");
}

}  // namespace

CLI::Validator Whole(std::int64_t low, std::int64_t high) {
  return Numbers(
      [low, high](const std::string& text) {
        const auto value = ParseWhole<std::int64_t>(text);
        return value && *value >= low && *value <= high;
      },
      fmt::format("a whole number from {} to {}", low, high));
}

CLI::Validator Unsigned() {
  return Numbers([](const std::string& text) { return ParseWhole<std::uint64_t>(text).has_value(); },
                 fmt::format("a whole number from 0 to {}", std::numeric_limits<std::uint64_t>::max()));
}

CLI::Validator Real(double low, double high) {
  const std::string expected = fmt::format("a number from {} to {}", low, high);
  return CLI::Validator([=](const std::string& text) { return WrongReal(text, low, high, expected); }, "");
}

CLI::App* AddLocalCommand(CLI::App& app, Session& session, const CommandText& text) {
  CLI::App* command = app.add_subcommand(text.name, text.description);
  command->group(text.group);
  std::string footer;
  if (!text.examples.empty()) {
    footer = "Examples:\n";
    for (const std::string& example : text.examples) {
      footer += "  " + example + "\n";
    }
  }
  if (!text.json.empty()) {
    command->add_flag("--json", session.json, "print JSON instead of text");
    footer += (footer.empty() ? "" : "\n") + ("JSON: " + text.json + "\n");
  }
  if (!footer.empty()) {
    footer.pop_back();
    command->footer(footer);
  }
  return command;
}

void AddHomeOptions(CLI::App& command, Session& session) {
  command
      .add_option("--home", session.endpoint.home,
                  "the server's data directory [$NORMLAB_HOME, else ~/.local/share/normlab]")
      ->type_name("DIR")
      ->group(kServerGroup);
  command.add_option("--socket", session.endpoint.socket, "its Unix socket [HOME/run/normlabd.sock]")
      ->type_name("PATH")
      ->group(kServerGroup);
}

void AddAddressOptions(CLI::App& command, Session& session) {
  command
      .add_option("--address", session.endpoint.address,
                  "TCP address instead of the socket: loopback, or with --ca any host [$NORMLAB_ADDRESS]")
      ->type_name("HOST:PORT")
      ->group(kServerGroup);
  command
      .add_option("--token-file", session.endpoint.token_file,
                  "file with the bearer token that goes with an address [$NORMLAB_TOKEN_FILE]")
      ->type_name("FILE")
      ->group(kServerGroup);
  command
      .add_option("--ca", session.endpoint.ca,
                  "speak TLS with a server whose certificate was signed by the one in this PEM file [$NORMLAB_CA]")
      ->type_name("FILE")
      ->group(kServerGroup);
  command
      .add_option("--cert", session.endpoint.cert, "your own certificate, for servers that ask for one [$NORMLAB_CERT]")
      ->type_name("FILE")
      ->group(kServerGroup);
  command.add_option("--key", session.endpoint.key, "its key [$NORMLAB_KEY]")->type_name("FILE")->group(kServerGroup);
}

CLI::App* AddCommand(CLI::App& app, Session& session, const CommandText& text) {
  CLI::App* command = AddLocalCommand(app, session, text);
  AddHomeOptions(*command, session);
  AddAddressOptions(*command, session);
  command
      ->add_option("--context", session.context,
                   "a server by its name in `normlab context` [$NORMLAB_CONTEXT, else the one in use]")
      ->type_name("CONTEXT")
      ->group(kServerGroup);
  return command;
}

}  // namespace normlab::client
