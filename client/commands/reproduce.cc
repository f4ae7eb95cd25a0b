// `normlab reproduce`: a paper's table from nothing, in one command: server, plan, runs, table, files.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "client/commands/command.h"
#include "client/commands/follow.h"
#include "client/commands/paper_argument.h"
#include "client/commands/plan_text.h"
#include "client/commands/write_results.h"
#include "client/error.h"
#include "client/output.h"
#include "client/reach.h"
#include "client/server_process.h"
#include "client/text.h"

namespace normlab::client {
namespace {

constexpr std::chrono::seconds kPatience{60};  // with a server that opens a large store, or ends
constexpr std::chrono::milliseconds kTryAgain{200};

struct ReproduceOptions {
  std::string paper;
  std::vector<std::string> only;
  std::string budget = kDefaultBudget;
  int seeds = 0;
  std::string out;
  ServerOptions server;  // of one that is started
  bool strict = false;
  bool dry_run = false;
  bool plan = false;
  bool force = false;
  bool verbose = false;
};

v1::CreateJobRequest MakeJob(const v1::PlannedRun& run, const std::string& paper_id, const ReproduceOptions& options) {
  v1::CreateJobRequest job;
  job.set_force(options.force);
  *job.mutable_spec() = run.spec();
  (*job.mutable_labels())["paper"] = paper_id;
  (*job.mutable_labels())["item"] = run.item_id();
  (*job.mutable_labels())["arm"] = run.arm();
  (*job.mutable_labels())["budget"] = options.budget;
  return job;
}

class Reproduction {
 public:
  Reproduction(Session& session, const ReproduceOptions& options) : session_(session), options_(options) {}
  ~Reproduction() {
    session_.Disconnect();
    if (server_ != nullptr && !server_->Leave()) {
      session_.Note(fmt::format("Other commands use the server at {}: it goes on until they end.\n",
                                session_.endpoint.Describe()));
    }
  }
  Reproduction(const Reproduction&) = delete;
  Reproduction& operator=(const Reproduction&) = delete;

  absl::StatusOr<int> Run() {
    NORMLAB_ASSIGN_OR_RETURN(paper_, ReadPaperArgument(options_.paper, session_.environment().stop));
    NORMLAB_RETURN_IF_ERROR(EnsureServer());
    NORMLAB_ASSIGN_OR_RETURN(Client * client, session_.client());
    v1::PlanReproductionRequest request;
    SetPaper(paper_, request);
    request.mutable_item_ids()->Add(options_.only.begin(), options_.only.end());
    request.set_budget(options_.budget);
    request.set_seeds(options_.seeds);
    request.set_power(options_.plan);
    NORMLAB_ASSIGN_OR_RETURN(const v1::PlanReproductionResponse plan, client->Plan(request));
    session_.Note(fmt::format("{} at budget {}: {} runs\n{}", plan.paper_id(), options_.budget, plan.runs_size(),
                              RenderPlan(plan, AtATime(), session_.err_colour())));
    for (const v1::NotRunItem& item : plan.not_run()) {
      session_.Note(fmt::format("{} is NOT_RUN: {}.\n", item.item_id(), item.reason()));
    }
    if (options_.plan && !session_.json) {
      session_.Print(RenderPower(plan, session_.out_colour()));
    }
    if (IsDry()) {
      session_.Note("Nothing was submitted.\n");
      if (session_.json) {
        session_.Print(Dump(PlanJson(plan, AtATime())));
      }
      NORMLAB_RETURN_IF_ERROR(SubmitRuns(*client, plan).status());  // what would refuse the runs refuses this
      return kExitOk;
    }
    NORMLAB_RETURN_IF_ERROR(PrepareFolder(OutFolder(plan)));  // told now, and not after hours of training
    NORMLAB_ASSIGN_OR_RETURN(const v1::BatchCreateJobsResponse jobs, SubmitRuns(*client, plan));
    NORMLAB_ASSIGN_OR_RETURN(const int followed, FollowRuns(*client, plan, jobs));
    if (followed == kExitInterrupted) {
      return followed;
    }
    NORMLAB_ASSIGN_OR_RETURN(const WrittenResults results, WriteEverything(*client, plan));
    Print(results, plan, jobs);
    if (followed != kExitOk) {
      session_.Note(
          "Some runs did not finish: see normlab jobs --state failed,cancelled; run this again to retry them.\n");
      return followed;
    }
    return options_.strict && results.different ? kExitDifferent : kExitOk;
  }

 private:
  bool IsDry() const { return options_.dry_run || options_.plan; }

  // Uses the server of the home, or starts one that ends with the last command that uses it.
  absl::Status EnsureServer() {
    const Endpoint& endpoint = session_.endpoint;
    if (!endpoint.address.empty()) {
      return absl::OkStatus();
    }
    const auto wait = [&] {
      NoteOnce(fmt::format("The server at {} starts or ends just now; waiting for it ...\n", endpoint.Describe()));
    };
    const std::stop_token& stop = session_.environment().stop;
    if (const absl::Status reached = Reach(endpoint); !reached.ok() && !absl::IsNotFound(reached)) {
      return OfServer(reached);
    }
    NORMLAB_ASSIGN_OR_RETURN(const UseLock starting, AwaitStart(endpoint, stop, wait));
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      NORMLAB_ASSIGN_OR_RETURN(ServerUse use, ServerUse::Await(endpoint, stop, wait));
      const absl::Status served = UseOrStart(std::move(use));
      // A server that was started by hand has none of these locks while it opens its store, or ends.
      if (!absl::IsAlreadyExists(served) || std::chrono::steady_clock::now() > deadline) {
        return served.ok() ? served : OfServer(served);
      }
      wait();
      std::this_thread::sleep_for(kTryAgain);
    }
  }

  // kAlreadyExists if another server has the home and does not serve.
  absl::Status UseOrStart(ServerUse use) {
    const Endpoint& endpoint = session_.endpoint;
    if (const absl::Status reached = Reach(endpoint); reached.ok()) {
      use_ = std::move(use);
      if (options_.server.slots > 0 || options_.server.stall_seconds > 0) {
        session_.Note(fmt::format("--jobs and --stall-seconds are not used: the server at {} has its own.\n",
                                  endpoint.Describe()));
      }
      return absl::OkStatus();
    } else if (!absl::IsNotFound(reached)) {
      return reached;
    }
    NoteOnce(fmt::format("Starting a server for {} ...\n", endpoint.Home()));
    ServerOptions options = options_.server;
    options.program = session_.environment().server_program;
    options.endpoint = endpoint;
    NORMLAB_ASSIGN_OR_RETURN(server_, ServerProcess::Start(options, std::move(use), session_.environment().stop));
    return absl::OkStatus();
  }

  void NoteOnce(const std::string& text) {
    if (noted_.insert(text).second) {
      session_.Note(text);
    }
  }

  // Runs that the server trains at once, as far as the client can know.
  int AtATime() const {
    return server_ != nullptr && options_.server.slots > 0 ? options_.server.slots : session_.environment().cores;
  }

  // As many calls as it takes: one holds a limited number of jobs. What was submitted before a failure is reused next time.
  // For a dry run: what submitting them would answer.
  absl::StatusOr<v1::BatchCreateJobsResponse> SubmitRuns(Client& client, const v1::PlanReproductionResponse& plan) {
    v1::BatchCreateJobsResponse all;
    for (int next = 0; next < plan.runs_size();) {
      v1::BatchCreateJobsRequest request;
      request.set_validate_only(IsDry());
      while (next < plan.runs_size() && request.requests_size() < kMaxJobsOfACall) {
        *request.add_requests() = MakeJob(plan.runs(next++), plan.paper_id(), options_);
      }
      NORMLAB_ASSIGN_OR_RETURN(const v1::BatchCreateJobsResponse some, client.Submit(request));
      for (const auto& created : some.jobs()) {
        session_.NoteWarning(created.warning());
      }
      all.mutable_jobs()->MergeFrom(some.jobs());
    }
    return all;
  }

  absl::StatusOr<int> FollowRuns(Client& client, const v1::PlanReproductionResponse& plan,
                                 const v1::BatchCreateJobsResponse& jobs) {
    if (jobs.jobs().empty()) {
      return kExitOk;  // nothing of it can be run yet
    }
    FollowOptions follow;
    follow.come_back = server_ == nullptr
                           ? fmt::format("The jobs go on at {}. Come back with the same command, or: normlab watch\n",
                                         client.endpoint())
                           : "Stopping: running jobs write a checkpoint. The same command goes on from there.\n";
    for (int i = 0; i < jobs.jobs_size() && i < plan.runs_size(); ++i) {
      const v1::PlannedRun& run = plan.runs(i);
      const std::string& id = jobs.jobs(i).job().job_id();
      follow.titles[id] = fmt::format("{} {} seed {}", run.item_id(), run.arm(), run.spec().seed());
      follow.job_ids.push_back(id);
    }
    return Follow(session_, client, follow);
  }

  std::string OutFolder(const v1::PlanReproductionResponse& plan) const {
    return options_.out.empty() ? fmt::format("normlab-report/{}-{}", plan.paper_id(), options_.budget) : options_.out;
  }

  absl::StatusOr<WrittenResults> WriteEverything(Client& client, const v1::PlanReproductionResponse& plan) {
    std::vector<std::string> items;
    for (const v1::PlannedRun& run : plan.runs()) {
      if (std::find(items.begin(), items.end(), run.item_id()) == items.end()) {
        items.push_back(run.item_id());
      }
    }
    return WriteResults(client, {paper_, items, options_.only, options_.budget, options_.seeds, options_.verbose},
                        OutFolder(plan), session_.environment().stop);
  }

  // "  DIR: report.html, report.md, table.md", a line a folder.
  static std::string FilesText(const std::vector<std::string>& files) {
    std::string text, folder;
    for (const std::string& file : files) {
      const std::size_t slash = file.rfind('/');
      if (text.empty() || file.substr(0, slash) != folder) {
        folder = file.substr(0, slash);
        text += fmt::format("{}  {}: {}", text.empty() ? "" : "\n", folder, file.substr(slash + 1));
      } else {
        text += ", " + file.substr(slash + 1);
      }
    }
    return text + "\n";
  }

  void Print(const WrittenResults& results, const v1::PlanReproductionResponse& plan,
             const v1::BatchCreateJobsResponse& jobs) {
    if (session_.json) {
      Json items = Json::array();
      for (const ItemResult& item : results.items) {
        items.push_back({{"item_id", item.item}, {"verdicts", item.verdicts}, {"table", item.table_json}});
      }
      Json ids = Json::array();
      for (const auto& job : jobs.jobs()) {
        ids.push_back({{"job_id", job.job().job_id()}, {"reused", job.reused()}});
      }
      session_.Print(Dump({{"paper_id", plan.paper_id()},
                           {"budget", options_.budget},
                           {"jobs", ids},
                           {"items", items},
                           {"files", results.files}}));
      return;
    }
    for (const ItemResult& item : results.items) {
      session_.Print("\n" + item.table_text);
    }
    session_.Print("\nWritten:\n" + FilesText(results.files));
  }

  Session& session_;
  const ReproduceOptions& options_;
  PaperArgument paper_;
  std::set<std::string> noted_;
  std::optional<ServerUse> use_;           // of a server that was there
  std::unique_ptr<ServerProcess> server_;  // of our own
};

}  // namespace

void AddReproduce(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kStartHere,
       "reproduce",
       "Run what a paper's tables and figures need and judge them. Starts a server of its own if none is up; what "
       "has "
       "been run before is reused; Ctrl-C and the same command again go on where it was",
       {"normlab reproduce layer-norm-2016 --only mnist --budget smoke", "normlab reproduce layer-norm-2016 --dry-run",
        "normlab reproduce layer-norm-2016 --only mnist --budget quick --seeds 9 --plan",
        "normlab reproduce layer-norm-2016 --budget paper --out results --strict",
        "normlab reproduce my.yaml --budget smoke      a paper of your own: docs/examples/batch-size.yaml"},
       "paper_id, budget, jobs[]: job_id, reused; items[]: item_id, verdicts[], table (as `normlab table --json`); "
       "files[]. With --dry-run: paper_id, runs[]: item_id, arm, seed, job_id, state; "
       "core_seconds, seconds (that the "
       "runs without a result still need); not_run[]: item_id, reason; with --plan power[]: item_id, "
       "claim_id, "
       "statement, seeds, fact, unknown (why, or empty), decides (probability), least_seeds (for 0.8)."});
  auto options = std::make_shared<ReproduceOptions>();
  command->add_option("PAPER", options->paper, "such as layer-norm-2016, or a manifest of your own, my.yaml")
      ->required()
      ->type_name("");
  command->add_option("--only", options->only, "only these tables and figures; may be repeated")->type_name("ITEM");
  AddBudgetOption(session, *command, options->budget,
                  "smoke, quick or paper: minutes, half an hour, the paper's full scale; or another that "
                  "`normlab papers` lists, such as long for mnist");
  AddSeedsOption(*command, options->seeds);
  command->add_option("--out", options->out, "folder for tables, figures and report [normlab-report/PAPER-BUDGET]")
      ->type_name("DIR");
  AddServerOptions(*command, options->server, "runs at a time, if a server is started [one per core]",
                   ", if a server is started");
  command->add_flag("--strict", options->strict, "exit code 4 if a claim came out DIFFERENT");
  command->add_flag("--force", options->force, "queue the runs even if their data set is missing");
  command->add_flag("--verbose", options->verbose, "tables with their notes, and how each claim was judged");
  command->add_flag("--plan", options->plan,
                    "like --dry-run, and how likely each claim is to be decided by these seeds, and by how many");
  command->add_flag("--dry-run", options->dry_run, "show what would run, what is stored and how long it takes");
  command->callback(
      [&session, options] { session.action = [&session, options] { return Reproduction(session, *options).Run(); }; });
}

}  // namespace normlab::client
