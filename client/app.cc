#include "client/app.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "base/version.h"
#include "client/commands/command.h"
#include "client/completion.h"
#include "client/contexts.h"
#include "client/error.h"
#include "client/help.h"
#include "proto/check_text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

constexpr char kFooter[] = R"(First steps:
  normlab reproduce layer-norm-2016 --only mnist --budget smoke     a figure of the paper in minutes
  normlab up                                                        a server to submit to; beside it:
  normlab submit mnist_mlp --norm layer --seeds 1-6 --watch
  normlab COMMAND --help                                            every option, with examples

Which server is meant: --home, --socket, --address or --context, else $NORMLAB_ADDRESS (with $NORMLAB_TOKEN_FILE) or
$NORMLAB_HOME, else $NORMLAB_CONTEXT, else the context in use (normlab context), else your own.

Exit codes:
  0    done; all runs asked for have finished
  1    a run failed or was cancelled, a result could not be written, or another error
  2    a wrong command line, spec, or name
  3    no server, or it does not let us in
  4    verify: the run differs; with --strict: a claim came out DIFFERENT
  130  interrupted (Ctrl-C))";

// --batch_size means --batch-size: fields are written with '_' everywhere else.
std::vector<std::string> WithDashes(std::vector<std::string> arguments) {
  for (std::string& word : arguments) {
    if (word == "--") {
      break;
    }
    if (word.rfind("--", 0) == 0) {
      std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(std::min(word.find('='), word.size())), '_',
                   '-');
    }
  }
  return arguments;
}

// `normlab label j17 -old` means --remove=old: to CLI11 it would be three options of one letter.
std::vector<std::string> WithRemovals(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (words[0] == "label" && word.size() > 2 && word[0] == '-' && word[1] != '-') {
      word = "--remove=" + word.substr(1);
    }
  }
  return words;
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (!command->get_group().empty()) {
      names.push_back(command->get_name());
    }
  }
  return names;
}

// Hidden ones too, which nobody types.
bool IsCommand(const CLI::App& app, const std::string& word) {
  return !app.get_subcommands([&word](const CLI::App* command) { return command->get_name() == word; }).empty();
}

std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

// The innermost command that was reached, and its name with those of the commands above it.
std::pair<const CLI::App*, std::string> Reached(const CLI::App& app) {
  std::pair<const CLI::App*, std::string> reached = {&app, "normlab"};
  while (!reached.first->get_subcommands().empty()) {
    reached.first = reached.first->get_subcommands().back();
    reached.second += " " + reached.first->get_name();
  }
  return reached;
}

std::string UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, name] = Reached(app);
  std::string text = error.what();
  if (const std::vector<std::string> extra = app.remaining(true);
      dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && !extra.empty()) {
    text = fmt::format("{} is not {} of {}{}", extra[0], extra[0][0] == '-' ? "an option" : "an argument", name,
                       DidYouMean(Nearest(extra[0].substr(0, extra[0].find('=')), OptionNames(*command))));
  }
  return fmt::format("{}\nSee: {} --help\n", text, name);
}

int Fail(Session& session, const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) {
    return kExitInterrupted;
  }
  session.Note(session.json ? RenderErrorJson(status)
                            : Painted("normlab: ", Paint::kRed, session.err_colour()) + RenderError(status));
  return ExitCodeFor(status);
}

// Every option and argument that was given, of this command and those below it: a value that is not empty and, unless it
// names a file, UTF-8.
void CheckValues(const CLI::App& app, std::vector<FieldViolation>& violations) {
  const auto check = [&violations](const std::string& name, const std::string& value, bool is_file) {
    if (value.empty()) {
      violations.push_back({name, "is empty"});
    } else if (const auto complaint = NotUtf8(value); complaint && !is_file) {
      violations.push_back({name, *complaint});
    }
  };
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      check(option->get_name(), value, TakesFile(*option));
    }
  }
  for (const std::string& word : app.remaining()) {
    check(Shown(word.substr(0, word.find('='))), word, false);
  }
  for (const CLI::App* command : app.get_subcommands()) {
    if (command->get_group().empty()) {
      continue;  // a word that a shell completes may be anything
    }
    CheckValues(*command, violations);
  }
}

absl::Status CheckWords(const CLI::App& app) {
  std::vector<FieldViolation> violations;
  CheckValues(app, violations);
  return InvalidFields(violations);
}

int RunParsed(Session& session, const std::vector<std::string>& arguments) {
  const Environment& environment = session.environment();
  CLI::App app("Reproduces the experiments of \"Layer Normalization\" (Ba, Kiros, Hinton 2016) and judges them.",
               "normlab");
  app.formatter(std::make_shared<HelpFormatter>(std::clamp(environment.console.Width(), 60, 120)));
  app.require_subcommand(1);
  app.set_version_flag("--version", VersionText("normlab"), "print the version");
  app.set_help_flag("-h,--help", "print this help; normlab COMMAND --help tells more");
  app.footer(kFooter);
  session.words = arguments;
  AddCommands(app, session);

  std::vector<std::string> words = WithRemovals(WithDashes(arguments));
  if (words.empty()) {
    session.Note(app.help());
    return kExitUsage;
  }
  if (words[0][0] != '-' && !IsCommand(app, words[0])) {
    return Fail(session, absl::InvalidArgumentError(fmt::format("{} is not a command{}\nSee: normlab --help", words[0],
                                                                DidYouMean(Nearest(words[0], CommandNames(app))))));
  }
  try {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(std::move(words));
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success, session.console().out, session.console().err);
  } catch (const CLI::ParseError& error) {
    session.Note(Painted("normlab: ", Paint::kRed, session.err_colour()) + UsageError(app, error));
    return kExitUsage;
  }
  if (const absl::Status status = CheckWords(app); !status.ok()) {
    return Fail(session, status);
  }
  if (Reached(app).first->get_option_no_throw("--context") != nullptr) {
    absl::StatusOr<Endpoint> endpoint = ResolveEndpoint(session.endpoint, session.context);
    if (!endpoint.ok()) {
      return Fail(session, endpoint.status());
    }
    session.endpoint = *std::move(endpoint);
  }
  const absl::StatusOr<int> code = session.action();
  return code.ok() ? *code : Fail(session, code.status());
}

}  // namespace

int RunCommandLine(const std::vector<std::string>& arguments, const Environment& environment) {
  Session session(environment);
  const int code = RunParsed(session, arguments);
  const absl::Status written = session.console().Flush();
  return written.ok() || code == kExitInterrupted ? code : Fail(session, written);
}

void AddCommands(CLI::App& app, Session& session) {
  AddReproduce(app, session);
  AddServer(app, session);
  AddSubmit(app, session);
  AddJobs(app, session);
  AddWatch(app, session);
  AddShow(app, session);
  AddCurve(app, session);
  AddArtifacts(app, session);
  AddVerify(app, session);
  AddResults(app, session);
  AddCompare(app, session);
  AddTensorboard(app, session);
  AddExport(app, session);
  AddImport(app, session);
  AddWrite(app, session);
  AddNeighbours(app, session);
  AddStop(app, session);
  AddUpdate(app, session);
  AddLogs(app, session);
  AddWorkers(app, session);
  AddExperiments(app, session);
  AddData(app, session);
  AddContext(app, session);
  AddAdmin(app, session);
  AddCompletion(app, session);
  AddComplete(app, session);
  AddMan(app, session);
}

}  // namespace normlab::client
