// `normlab papers`, `table`, `figure` and `report`: the paper's tables and figures from what is stored now.
#include <fmt/format.h>

#include "client/commands/command.h"
#include "client/commands/paper_argument.h"
#include "client/commands/result_format.h"
#include "client/commands/write_results.h"
#include "client/text.h"

namespace normlab::client {
namespace {

struct ResultsOptions {
  std::string paper;
  std::vector<std::string> items;  // one for table and figure
  std::string budget = kDefaultBudget;
  int seeds = 0;
  ResultFormat format;
  bool strict = false;
  bool verbose = false;
};

absl::StatusOr<int> Table(Session& session, const ResultsOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(const PaperArgument paper, ReadPaperArgument(options.paper, session.environment().stop));
  v1::GetTableRequest request;
  SetPaper(paper, request);
  request.set_item_id(options.items.at(0));
  request.set_budget(options.budget);
  request.set_seeds(options.seeds);
  NORMLAB_ASSIGN_OR_RETURN(const v1::Format format, ChosenFormat(session, options.format));
  request.set_format(format == v1::FORMAT_TERMINAL && options.verbose ? v1::FORMAT_TERMINAL_VERBOSE : format);
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::GetTableResponse table, client->Table(request));
  NORMLAB_ASSIGN_OR_RETURN(const int code, WriteOutput(session, options.format.output, table.content()));
  return options.strict && AnyDifferent(table) ? kExitDifferent : code;
}

absl::StatusOr<int> Figure(Session& session, const ResultsOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(const PaperArgument paper, ReadPaperArgument(options.paper, session.environment().stop));
  v1::GetFigureRequest request;
  SetPaper(paper, request);
  request.set_item_id(options.items.at(0));
  request.set_budget(options.budget);
  request.set_seeds(options.seeds);
  NORMLAB_ASSIGN_OR_RETURN(const v1::Format format, ChosenFormat(session, options.format));
  request.set_format(format);
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::GetFigureResponse figure, client->Figure(request));
  return WriteOutput(session, options.format.output, figure.content());
}

absl::StatusOr<int> Report(Session& session, const ResultsOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(const PaperArgument paper, ReadPaperArgument(options.paper, session.environment().stop));
  v1::GetReportRequest request;
  SetPaper(paper, request);
  request.mutable_item_ids()->Add(options.items.begin(), options.items.end());
  request.set_budget(options.budget);
  request.set_seeds(options.seeds);
  NORMLAB_ASSIGN_OR_RETURN(const v1::Format format, ChosenFormat(session, options.format));
  request.set_format(format);
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::GetReportResponse report, client->Report(request));
  return WriteOutput(session, options.format.output, report.content());
}

absl::StatusOr<int> Papers(Session& session, bool ids_only) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Paper> papers, client->ListPapers());
  Json all = Json::array();
  for (const v1::Paper& paper : papers) {
    Json items = Json::array();
    TextTable table({"ITEM", "PLACE", "BUDGETS", "TITLE"});
    for (const auto& item : paper.items()) {
      std::string budgets;
      for (const std::string& budget : item.budgets()) {
        budgets += budgets.empty() ? budget : ", " + budget;
      }
      table.Add({{item.item_id(), Paint::kBold},
                 item.place(),
                 item.not_run().empty() ? budgets : "NOT_RUN",
                 item.not_run().empty() ? item.title() : fmt::format("{}: {}", item.title(), item.not_run())});
      items.push_back({{"item_id", item.item_id()},
                       {"title", item.title()},
                       {"place", item.place()},
                       {"budgets", Strings(item.budgets())},
                       {"not_run", item.not_run()}});
    }
    all.push_back({{"paper_id", paper.paper_id()}, {"title", paper.title()}, {"items", items}});
    if (ids_only) {
      session.Print(paper.paper_id() + "\n");
    } else if (!session.json) {
      session.Print(fmt::format("{}: {}\n{}", session.OutPaint(paper.paper_id(), Paint::kBold), paper.title(),
                                table.Render(session.out_colour(), session.table_width())));
    }
  }
  if (session.json) {
    session.Print(Dump({{"papers", all}}));
  }
  return kExitOk;
}

// What table, figure and report have in common.
CLI::App* AddResult(CLI::App& app, Session& session, const CommandText& text,
                    const std::shared_ptr<ResultsOptions>& options, const std::vector<std::string>& formats) {
  CLI::App* command = AddCommand(app, session, text);
  command
      ->add_option("PAPER", options->paper,
                   "such as layer-norm-2016, see `normlab papers`, or a manifest of your own, my.yaml")
      ->required()
      ->type_name("");
  AddBudgetOption(session, *command, options->budget,
                  "which runs: smoke, quick, paper, or another that `normlab papers` lists");
  AddSeedsOption(*command, options->seeds);
  options->format.allowed = formats;
  AddFormatOptions(session, *command, options->format);
  return command;
}

void AddOneItem(CLI::App& command, const std::shared_ptr<ResultsOptions>& options) {
  command.add_option("ITEM", options->items, "table or figure of the paper, such as mnist")
      ->required()
      ->expected(1)
      ->type_name("");
}

void AddTable(CLI::App& app, Session& session) {
  auto options = std::make_shared<ResultsOptions>();
  CLI::App* command =
      AddResult(app, session,
                {kResults,
                 "table",
                 "The paper's table, with a verdict for every claim. From what is stored now; runs nothing",
                 {"normlab table layer-norm-2016 mnist --verbose", "normlab table layer-norm-2016 mnist -o table.tex",
                  "normlab table layer-norm-2016 mnist --budget paper --strict || echo differs"},
                 "the table's own document: cells with mean, interval, n, the paper's value; claims with verdicts."},
                options, {"terminal", "markdown", "latex", "csv", "json", "html"});
  AddOneItem(*command, options);
  command->add_flag("--strict", options->strict, "exit code 4 if a claim came out DIFFERENT");
  command->add_flag("--verbose", options->verbose, "in a terminal: notes, and how each claim was judged");
  command->callback([&session, options] { session.action = [&session, options] { return Table(session, *options); }; });
}

void AddFigure(CLI::App& app, Session& session) {
  auto options = std::make_shared<ResultsOptions>();
  CLI::App* command = AddResult(
      app, session,
      {kResults,
       "figure",
       "The paper's figure, with the paper's curves beside ours. From what is stored now; runs nothing",
       {"normlab figure layer-norm-2016 mnist -o figure.svg", "normlab figure layer-norm-2016 mnist -o figure.png",
        "normlab figure layer-norm-2016 mnist --budget smoke --format csv"},
       "the figure's curves."},
      options, {"svg", "png", "csv", "json"});
  AddOneItem(*command, options);
  command->callback(
      [&session, options] { session.action = [&session, options] { return Figure(session, *options); }; });
}

void AddReport(CLI::App& app, Session& session) {
  auto options = std::make_shared<ResultsOptions>();
  CLI::App* command = AddResult(app, session,
                                {kResults,
                                 "report",
                                 "Tables, figures and verdicts on one page",
                                 {"normlab report layer-norm-2016 -o report.html",
                                  "normlab report layer-norm-2016 --only mnist --budget smoke --format markdown"},
                                 ""},
                                options, {"html", "markdown"});
  command->add_option("--only", options->items, "only these items; may be repeated")->type_name("ITEM");
  command->callback(
      [&session, options] { session.action = [&session, options] { return Report(session, *options); }; });
}

}  // namespace

void AddResults(CLI::App& app, Session& session) {
  AddTable(app, session);
  AddFigure(app, session);
  AddReport(app, session);
  CLI::App* papers =
      AddCommand(app, session,
                 {kResults,
                  "papers",
                  "What can be reproduced. The tables and figures of each paper, and their budgets",
                  {"normlab papers", "normlab papers --json | jq -r '.papers[].paper_id'"},
                  "papers[]: paper_id, title, items[]: item_id, title, place, budgets[], not_run (why, or empty)."});
  auto ids_only = std::make_shared<bool>(false);
  papers->add_flag("--ids", *ids_only, "print ids alone, one a line");
  papers->callback(
      [&session, ids_only] { session.action = [&session, ids_only] { return Papers(session, *ids_only); }; });
}

}  // namespace normlab::client
