// command.h - what every command of `normlab` is given, and how it is added to the command line.
//
// A command registers its options on a CLI::App and leaves an action; the action runs after parsing, writes its result
// to console.out, and returns an exit code or the status to be rendered.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/app.h"
#include "client/client.h"
#include "client/completion.h"
#include "client/connection.h"
#include "client/exit_code.h"
#include "client/json.h"
#include "client/server_process.h"

namespace normlab::client {

class Session {
 public:
  using Action = std::function<absl::StatusOr<int>()>;

  explicit Session(const Environment& environment) : environment_(environment) {}

  // Connects at the first call.
  absl::StatusOr<Client*> client();
  // Ends the connection, and our use of the server.
  void Disconnect();
  void Print(std::string_view text) { console().out << text; }
  // For output without an end in sight: hands it on at once and says why if that fails.
  absl::Status PrintNow(std::string_view text) {
    Print(text);
    return console().Flush();
  }
  // Progress, notes and hints: never mixed with results.
  void Note(std::string_view text) { console().err << text << std::flush; }
  // What the server warns of: each text once, an empty one is none.
  void NoteWarning(const std::string& warning);
  std::string OutPaint(std::string_view text, Paint paint) const;

  Console& console() { return environment_.console; }
  const Environment& environment() const { return environment_; }
  bool out_colour() const { return environment_.console.colour && environment_.console.out_is_terminal; }
  bool err_colour() const { return environment_.console.colour && environment_.console.err_is_terminal; }
  // Of a table on out: 0 (no limit) unless a terminal would wrap it.
  int table_width() const { return environment_.console.out_is_terminal ? environment_.console.Width() : 0; }

  Endpoint endpoint;    // what the options say; after parsing, the server that is meant
  std::string context;  // --context
  bool json = false;
  Choices choices;                 // of options that take names, for completion
  std::vector<std::string> words;  // the command line, before it is parsed
  Action action;                   // of the command that was parsed

 private:
  Environment environment_;
  std::set<std::string> warned_;
  std::optional<ServerUse> use_;  // a server that a command started is there for us until we end
  std::unique_ptr<Client> client_;
};

// How `normlab --help` groups the commands.
inline constexpr char kStartHere[] = "Start here";
inline constexpr char kJobs[] = "Jobs";
inline constexpr char kResults[] = "Results";
inline constexpr char kMore[] = "More";

struct CommandText {
  std::string group;  // one of the above
  std::string name;
  std::string description;            // one sentence; more sentences are shown by the command's own help only
  std::vector<std::string> examples;  // "normlab jobs --state running   what runs now"
  std::string json;                   // what --json prints: its keys; empty: the command has no --json
};

// Adds a subcommand with the options all commands share (--home, --socket, --address, --token-file and, where it has
// one,
// --json), and its examples below the help.
CLI::App* AddCommand(CLI::App& app, Session& session, const CommandText& text);
// The same without a server: commands on local files.
CLI::App* AddLocalCommand(CLI::App& app, Session& session, const CommandText& text);

// --home and --socket alone, for commands that start a server.
void AddHomeOptions(CLI::App& command, Session& session);

// --address, and the files that go with it: --token-file, --ca, --cert, --key.
void AddAddressOptions(CLI::App& command, Session& session);

// --jobs, described by `jobs`, and --stall-seconds, with `when` behind what it does.
void AddServerOptions(CLI::App& command, ServerOptions& options, const std::string& jobs, const std::string& when);

// --seeds, of a paper's runs: as many as the server judges.
inline constexpr int kMostSeeds = 24;
void AddSeedsOption(CLI::App& command, int& seeds);

// --budget, described by `budgets`. Which names a paper has, the server says.
void AddBudgetOption(Session& session, CLI::App& command, std::string& budget, const std::string& budgets);

// An option (or positional) that takes one of `names`.
CLI::Option* AddChoice(Session& session, CLI::App& command, const std::string& option, std::string& value,
                       const std::vector<std::string>& names, const std::string& description);
// The same for several of them.
CLI::Option* AddChoices(Session& session, CLI::App& command, const std::string& option,
                        std::vector<std::string>& values, const std::vector<std::string>& names,
                        const std::string& description);

// Whether a person says yes; true where nobody can be asked.
bool Confirm(Session& session, const std::string& question);

// Writes `content` to `file`, or to stdout if it is empty or "-".
absl::StatusOr<int> WriteOutput(Session& session, const std::string& file, const std::string& content);
// The same for a file of a job, in pieces as they come.
absl::StatusOr<int> WriteArtifact(Session& session, Client& client, const std::string& job_id, const std::string& name,
                                  const std::string& file);

// Every option that takes a number has one of these checks. CLI11's own let NaN through, and a minus wrap.
CLI::Validator Whole(std::int64_t low, std::int64_t high);
CLI::Validator Unsigned();  // 0 to 2^64 - 1
CLI::Validator Real(double low, double high);

// Of those that this program was built with; a server may know others.
std::vector<std::string> ExperimentNames();

// Which runs of a paper are meant when --budget is not given.
inline constexpr char kDefaultBudget[] = "quick";

// One function per command group, each in its own file.
void AddReproduce(CLI::App& app, Session& session);
void AddSubmit(CLI::App& app, Session& session);
void AddJobs(CLI::App& app, Session& session);
void AddShow(CLI::App& app, Session& session);
void AddWatch(CLI::App& app, Session& session);
void AddCurve(CLI::App& app, Session& session);
void AddArtifacts(CLI::App& app, Session& session);
void AddNeighbours(CLI::App& app, Session& session);
void AddVerify(CLI::App& app, Session& session);
void AddResults(CLI::App& app, Session& session);  // table, figure, report, papers
void AddCompare(CLI::App& app, Session& session);  // compare, plot
void AddExport(CLI::App& app, Session& session);
void AddImport(CLI::App& app, Session& session);
void AddWrite(CLI::App& app, Session& session);
void AddStop(CLI::App& app, Session& session);    // cancel, resume, delete
void AddUpdate(CLI::App& app, Session& session);  // label, prioritise
void AddWorkers(CLI::App& app, Session& session);
void AddLogs(CLI::App& app, Session& session);
void AddContext(CLI::App& app, Session& session);
void AddAdmin(CLI::App& app, Session& session);
void AddExperiments(CLI::App& app, Session& session);
void AddData(CLI::App& app, Session& session);
void AddServer(CLI::App& app, Session& session);  // up, page
void AddTensorboard(CLI::App& app, Session& session);
void AddCompletion(CLI::App& app, Session& session);
void AddComplete(CLI::App& app, Session& session);  // hidden, as the next
void AddMan(CLI::App& app, Session& session);

// All of them.
void AddCommands(CLI::App& app, Session& session);

}  // namespace normlab::client
