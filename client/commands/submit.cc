// `normlab submit`: one job, several seeds, or a grid of configurations, all or nothing.
//
// The options of the fields are made from the compiled-in experiments (proto/spec.h), so `--help` and completion know
// those of the experiment that is named; every wrong field is reported at once, before anything is sent.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <stop_token>

#include "client/commands/arguments.h"
#include "client/commands/command.h"
#include "client/commands/follow.h"
#include "client/error.h"
#include "client/input.h"
#include "client/progress.h"
#include "client/text.h"
#include "proto/rules.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

struct Options {
  std::string experiment;
  std::string file;
  std::string seeds;
  int priority = 0;
  std::vector<std::string> labels;
  bool rerun = false;
  bool dry_run = false;
  bool force = false;
  bool watch = false;
  Pairs fields;  // in the order in which they were given
};

void AddOnce(std::vector<FieldViolation>& all, const std::vector<FieldViolation>& more) {
  for (const FieldViolation& v : more) {
    if (std::none_of(all.begin(), all.end(), [&](const FieldViolation& o) { return o.path == v.path; })) {
      all.push_back(v);
    }
  }
}

// Fills defaults only to check; what is sent holds what the person wrote.
void CheckSpec(const v1::JobSpec& spec, std::vector<FieldViolation>& violations) {
  std::vector<FieldViolation> found;
  const v1::JobSpec resolved = ResolveSpec(spec, found);
  if (found.empty()) {
    CheckRules(resolved, found);
  }
  AddOnce(violations, found);
}

absl::StatusOr<std::vector<v1::JobSpec>> MakeSpecs(const Options& options, const std::stop_token& stop) {
  std::vector<FieldViolation> violations;
  v1::JobSpec base;
  std::string experiment = options.experiment;
  if (!options.file.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string text, ReadText("--file", options.file, stop));
    base = ParseSpec(text, violations);
    const std::string in_file = ExperimentName(base);
    if (!experiment.empty() && !in_file.empty() && in_file != experiment) {
      violations.push_back({"EXPERIMENT", fmt::format("is {}, but {} is for {}", experiment, options.file, in_file)});
    }
    experiment = experiment.empty() ? in_file : experiment;
  }
  if (experiment.empty() && violations.empty()) {
    violations.push_back({"EXPERIMENT", fmt::format("is missing; expected one of {}, or --file spec.yaml",
                                                    fmt::join(ExperimentNames(), ", "))});
  }
  const std::vector<std::uint64_t> seeds =
      options.seeds.empty() ? std::vector<std::uint64_t>{} : ParseSeeds(options.seeds, violations);
  std::size_t count = std::max<std::size_t>(1, seeds.size());
  for (const auto& [name, values] : options.fields) {
    count *= 1 + static_cast<std::size_t>(std::count(values.begin(), values.end(), ','));
    if (count > kMaxJobsOfACall) {
      violations.push_back(
          {"--" + name, fmt::format("makes more than {} jobs; submit them in parts", kMaxJobsOfACall)});
      return InvalidFields(violations);
    }
  }
  std::vector<v1::JobSpec> specs;
  for (const Pairs& pairs : ExpandGrid(options.fields)) {
    v1::JobSpec spec = base;
    if (!experiment.empty()) {
      std::vector<FieldViolation> found;
      spec.MergeFrom(SpecFromPairs(experiment, pairs, found));
      AddOnce(violations, found);
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(1, seeds.size()); ++i) {
      specs.push_back(spec);
      if (!seeds.empty()) {
        specs.back().set_seed(seeds[i]);
      }
    }
    if (!experiment.empty()) {
      CheckSpec(specs.back(), violations);
    }
  }
  NORMLAB_RETURN_IF_ERROR(InvalidFields(violations));
  return specs;
}

void PrintAnswer(Session& session, const v1::BatchCreateJobsResponse& answer, bool dry_run) {
  TextTable table({"JOB", "STATE", "RUN"});
  int reused = 0;
  for (const auto& created : answer.jobs()) {
    const v1::Job& job = created.job();
    reused += created.reused() ? 1 : 0;
    const bool twice = dry_run && created.reused() && job.job_id().empty();
    const std::string state = twice              ? "reused, as above"
                              : created.reused() ? "reused, " + StateName(job.state())
                              : dry_run          ? "would run"
                                                 : StateName(job.state());
    table.Add({{job.job_id(), Paint::kBold},
               {state, StatePaint(job.state())},
               ExperimentName(job.spec()) + " " + SummarizeSpec(job.spec())});
  }
  session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  const int fresh = answer.jobs_size() - reused;
  if (dry_run) {
    session.Note(fmt::format("Nothing was submitted: {} would run, {} would be reused.\n", fresh, reused));
  } else {
    session.Note(fmt::format("{} submitted{}. Follow: normlab watch{}\n", fresh,
                             reused > 0 ? fmt::format(", {} reused (--rerun runs them again)", reused) : "",
                             answer.jobs_size() == 1 ? " " + answer.jobs(0).job().job_id() : ""));
  }
}

absl::StatusOr<int> Run(Session& session, const Options& options) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::JobSpec> specs, MakeSpecs(options, session.environment().stop));
  std::vector<FieldViolation> violations;
  const auto labels = ParseLabels(options.labels, violations);
  NORMLAB_RETURN_IF_ERROR(InvalidFields(violations));
  v1::BatchCreateJobsRequest request;
  request.set_validate_only(options.dry_run);
  for (const v1::JobSpec& spec : specs) {
    v1::CreateJobRequest& one = *request.add_requests();
    *one.mutable_spec() = spec;
    one.set_priority(options.priority);
    one.set_rerun(options.rerun);
    one.set_force(options.force);
    one.mutable_labels()->insert(labels.begin(), labels.end());
  }
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const auto answer, client->Submit(std::move(request)));
  for (const auto& created : answer.jobs()) {
    session.NoteWarning(created.warning());
  }
  if (session.json) {
    Json jobs = Json::array();
    for (const auto& created : answer.jobs()) {
      jobs.push_back({{"reused", created.reused()}, {"warning", created.warning()}, {"job", JobToJson(created.job())}});
    }
    session.Print(Dump({{"jobs", jobs}, {"dry_run", options.dry_run}}));
  } else {
    PrintAnswer(session, answer, options.dry_run);
  }
  if (!options.watch || options.dry_run) {
    return kExitOk;
  }
  std::vector<std::string> ids;
  for (const auto& created : answer.jobs()) {
    ids.push_back(created.job().job_id());
  }
  return Follow(session, *client, {.job_ids = ids, .come_back = "The jobs go on. Come back with: normlab watch\n"});
}

std::string FieldHelp(const FieldInfo& field) {
  std::string text = field.meaning + " [" + field.default_value + "]";
  if (!field.range.empty()) {
    text += " " + field.range;
  }
  std::string choices;
  for (const ChoiceInfo& choice : field.choices) {
    choices += (choices.empty() ? " one of " : ", ") + choice.name;
  }
  return text + choices;
}

// The experiments, the one that `words` name first; whether they name one.
std::pair<std::vector<ExperimentInfo>, bool> NamedFirst(const std::vector<std::string>& words) {
  std::vector<ExperimentInfo> experiments = Experiments();
  const auto named = std::stable_partition(experiments.begin(), experiments.end(), [&words](const auto& experiment) {
    return std::find(words.begin(), words.end(), experiment.name) != words.end();
  });
  return {experiments, named != experiments.begin()};
}

// Options of the other experiments' fields are there and hidden: a field that the named one has not is then told as a wrong
// field, not as a word that stands somewhere.
void AddFieldOptions(Session& session, CLI::App& command, const std::shared_ptr<Options>& options) {
  const auto [experiments, is_named] = NamedFirst(session.words);
  for (const ExperimentInfo& experiment : experiments) {
    const bool shown = is_named && &experiment == &experiments.front();
    for (const FieldInfo& field : experiment.fields) {
      std::string name = field.name;
      std::replace(name.begin(), name.end(), '_', '-');
      if (name == "seed" || command.get_option_no_throw("--" + name) != nullptr) {
        continue;  // --seeds sets seeds; a field of two experiments is one option
      }
      CLI::Option* option = command.add_option_function<std::string>(
          "--" + name, [options, name](const std::string& value) { options->fields.emplace_back(name, value); },
          FieldHelp(field));
      option->type_name(field.type == "choice" ? "NAME" : field.type == "bool" ? "BOOL" : "N");
      option->group(shown ? "Fields of " + experiment.name + " (a,b,c runs every combination)" : "");
      for (const ChoiceInfo& choice : field.choices) {
        session.choices[option].push_back(choice.name);  // checked with all other fields, not by the parser
      }
      if (field.type == "bool") {
        session.choices[option] = {"true", "false"};
      }
    }
  }
}

}  // namespace

void AddSubmit(CLI::App& app, Session& session) {
  CLI::App* command =
      AddCommand(app, session,
                 {kJobs,
                  "submit",
                  "Queue training jobs. One, several seeds, or every combination of comma-separated field values",
                  {"normlab submit mnist_mlp --norm layer --batch-size 4 --seeds 1-6",
                   "normlab submit mnist_mlp --norm none,batch,layer --batch-size 128,4 --seeds 1-6 --dry-run",
                   "normlab submit --file spec.yaml --label who=ana --watch"},
                  "jobs[]: reused, warning, job (as in `normlab jobs`); dry_run."});
  auto options = std::make_shared<Options>();
  CLI::Option* experiment =
      command->add_option("EXPERIMENT", options->experiment, "what to train, see `normlab experiments`")->type_name("");
  session.choices[experiment] = ExperimentNames();
  command->add_option("--file", options->file, "YAML or JSON spec; fields given here as well win. - is stdin")
      ->type_name("FILE");
  command->add_option("--seeds,--seed", options->seeds, "seeds, one job each, such as 1-6 or 1,3,10-12 [1]")
      ->type_name("LIST");
  command->add_option("--priority", options->priority, "higher runs first [0]")
      ->type_name("N")
      ->check(Whole(std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
  command->add_option("--label", options->labels, "free text to find the jobs by; may be repeated")
      ->type_name("KEY=VALUE");
  command->add_flag("--rerun", options->rerun, "run even if the same job has been run or is under way");
  command->add_flag("--force", options->force, "queue the jobs even if their data set is missing");
  command->add_flag("--dry-run", options->dry_run, "check everything, submit nothing");
  command->add_flag("--watch", options->watch, "then follow the jobs to their end");
  AddFieldOptions(session, *command, options);
  command->footer(
      command->get_footer() +
      "\n\nEvery experiment has fields of its own, which are options too: normlab submit EXPERIMENT --help");
  command->allow_extras();
  command->callback([&session, options, command] {
    session.action = [&session, options, command]() -> absl::StatusOr<int> {
      std::vector<FieldViolation> violations;
      const Pairs extras = ParseExtras(command->remaining(), violations);
      NORMLAB_RETURN_IF_ERROR(InvalidFields(violations));
      options->fields.insert(options->fields.end(), extras.begin(), extras.end());
      return Run(session, *options);
    };
  });
}

}  // namespace normlab::client
