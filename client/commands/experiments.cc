// `normlab experiments`: what can be run, and every field of it.
#include <fmt/format.h>

#include <algorithm>

#include "client/commands/command.h"
#include "client/text.h"
#include "proto/catalog.h"

namespace normlab::client {
namespace {

std::string OptionName(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

std::string RenderField(const v1::Field& field, const Session& session, int width) {
  std::string facts = field.type() + ", default " + field.default_value();
  for (const std::string& more : {field.range(), field.unit()}) {
    facts += more.empty() ? "" : ", " + more;
  }
  const std::string name = OptionName(field.name());
  std::string text =
      "  " + session.OutPaint(name, Paint::kBold) + std::string(std::max<int>(2, 26 - name.size()), ' ') + facts + "\n";
  text += Wrapped(field.meaning(), width, 6);
  TextTable choices({"", "", ""});
  for (const auto& choice : field.choices()) {
    choices.Add({"      ", {choice.name(), Paint::kCyan}, choice.meaning()});
  }
  return text + choices.Render(session.out_colour(), session.table_width(), true);
}

// What `ask` gets from the server; without one, what this program was built with.
template <typename Answer, typename Ask>
absl::StatusOr<Answer> AskServerOr(Session& session, const absl::StatusOr<Answer>& own, const Ask& ask) {
  const absl::StatusOr<Client*> client = session.client();
  absl::StatusOr<Answer> answer = client.ok() ? ask(**client) : client.status();
  if (!absl::IsUnavailable(answer.status())) {
    return answer;
  }
  session.Note("No server is running: this is what this normlab was built with.\n");
  return own;
}

absl::StatusOr<int> ListExperiments(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(const auto experiments,
                           AskServerOr<std::vector<v1::Experiment>>(
                               session, ExperimentCatalog(), [](Client& client) { return client.ListExperiments(); }));
  if (session.json) {
    Json all = Json::array();
    for (const auto& experiment : experiments) {
      all.push_back(ExperimentToJson(experiment));
    }
    session.Print(Dump({{"experiments", all}}));
    return kExitOk;
  }
  TextTable table({"EXPERIMENT", "FIELDS", "SUMMARY"}, {1});
  for (const auto& experiment : experiments) {
    table.Add({{experiment.name(), Paint::kBold}, std::to_string(experiment.fields_size()), experiment.summary()});
  }
  session.Print(table.Render(session.out_colour(), session.table_width()));
  session.Note("Every field of one: normlab experiments NAME\n");
  return kExitOk;
}

absl::StatusOr<int> Describe(Session& session, const std::string& name) {
  NORMLAB_ASSIGN_OR_RETURN(const v1::Experiment experiment,
                           AskServerOr<v1::Experiment>(session, DescribeExperiment(name), [&name](Client& client) {
                             return client.DescribeExperiment(name);
                           }));
  if (session.json) {
    session.Print(Dump(ExperimentToJson(experiment)));
    return kExitOk;
  }
  const int width = session.console().out_is_terminal ? std::min(session.console().Width(), 120) : 120;
  session.Print(session.OutPaint(experiment.name(), Paint::kBold) + ": " + experiment.summary() + "\n\n");
  for (const v1::Field& field : experiment.fields()) {
    session.Print(RenderField(field, session, width));
  }
  session.Note(fmt::format("\nTry it: normlab submit {} --dry-run\n", experiment.name()));
  return kExitOk;
}

}  // namespace

void AddExperiments(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kMore,
       "experiments",
       "What can be run, and every field of it. Type, default, range, unit, meaning, choices",
       {"normlab experiments", "normlab experiments mnist_mlp",
        "normlab experiments mnist_mlp --json | jq '.fields[].name'"},
       "experiments[]: name, summary, fields[]: name, type, default, range, unit, meaning, choices[]: name, meaning. "
       "With NAME: one element of experiments[]."});
  auto name = std::make_shared<std::string>();
  CLI::Option* option = command->add_option("NAME", *name, "one experiment in full")->type_name("");
  session.choices[option] = ExperimentNames();
  command->callback([&session, name] {
    session.action = [&session, name] { return name->empty() ? ListExperiments(session) : Describe(session, *name); };
  });
}

}  // namespace normlab::client
