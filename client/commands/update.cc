// `normlab label` and `prioritise`: what can be changed of a job without touching its run.
#include <fmt/format.h>

#include "client/commands/arguments.h"
#include "client/commands/bulk.h"
#include "client/commands/command.h"
#include "client/error.h"

namespace normlab::client {
namespace {

constexpr char kChangedJson[] = "jobs[]: job_id, state, priority, labels; not_changed[]: job_id, reason.";

BulkVerb Update(const std::string& name, const v1::UpdateJobsRequest& change,
                std::function<std::string(const v1::Job&)> say) {
  return {.name = name,
          .states = {},
          .call =
              [change](Client& client, const v1::JobFilter& filter, bool validate_only) {
                v1::UpdateJobsRequest request = change;
                *request.mutable_filter() = filter;
                request.set_validate_only(validate_only);
                return ToBulkAnswer(client.UpdateJobs(std::move(request)));
              },
          .say = std::move(say)};
}

std::string SayLabels(const v1::Job& job) {
  std::string text = job.job_id();
  for (const auto& [key, value] : std::map<std::string, std::string>(job.labels().begin(), job.labels().end())) {
    text += fmt::format(" {}={}", key, value);
  }
  return text;
}

struct LabelOptions {
  BulkOptions bulk;
  std::vector<std::string> removed;
};

absl::StatusOr<int> RunLabel(Session& session, LabelOptions options) {
  // JOB... and KEY=VALUE share the arguments: no job's name has an equals sign.
  std::vector<std::string> set;
  std::erase_if(options.bulk.jobs.ids, [&set](const std::string& word) {
    const bool label = word.find('=') != std::string::npos;
    if (label) {
      set.push_back(word);
    }
    return label;
  });
  std::vector<FieldViolation> violations;
  v1::UpdateJobsRequest change;
  for (const auto& [key, value] : ParseLabels(set, violations)) {
    (*change.mutable_set_labels())[key] = value;
  }
  NORMLAB_RETURN_IF_ERROR(InvalidFields(violations));
  change.mutable_remove_labels()->Assign(options.removed.begin(), options.removed.end());
  if (change.set_labels().empty() && change.remove_labels().empty()) {
    return absl::InvalidArgumentError("name what to change: KEY=VALUE sets a label, -KEY removes it");
  }
  return RunBulk(session, options.bulk, Update("label", change, SayLabels));
}

}  // namespace

void AddUpdate(CLI::App& app, Session& session) {
  CLI::App* label =
      AddCommand(app, session,
                 {kJobs,
                  "label",
                  "Set and remove labels of jobs. KEY=VALUE sets one, -KEY removes it",
                  {"normlab label j17 j18 who=ana -old", "normlab label --experiment mnist_mlp study=width"},
                  kChangedJson});
  auto options = std::make_shared<LabelOptions>();
  AddBulkOptions(session, *label, options->bulk);
  label->add_option("--remove", options->removed, "another way to write -KEY")
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
  label->callback(
      [&session, options] { session.action = [&session, options] { return RunLabel(session, *options); }; });

  CLI::App* prioritise =
      AddCommand(app, session,
                 {kJobs,
                  "prioritise",
                  "Let jobs run earlier or later. The highest priority runs first; 0 is that of a job for which none "
                  "was given. Chosen "
                  "without --state: those that have not ended",
                  {"normlab prioritise j17 j18 --to 5", "normlab prioritise --state queued --label who=ana --to -1"},
                  kChangedJson});
  auto bulk = std::make_shared<BulkOptions>();
  auto priority = std::make_shared<int>(0);
  AddBulkOptions(session, *prioritise, *bulk);
  prioritise->add_option("--to", *priority, "their priority from now on")
      ->required()
      ->type_name("N")
      ->check(Whole(-1000, 1000));
  prioritise->callback([&session, bulk, priority] {
    session.action = [&session, bulk, priority] {
      v1::UpdateJobsRequest change;
      change.set_priority(*priority);
      BulkVerb verb = Update("prioritise", change, [](const v1::Job& job) {
        return fmt::format("{} priority {}", job.job_id(), job.priority());
      });
      verb.states = {v1::JOB_STATE_QUEUED, v1::JOB_STATE_RUNNING, v1::JOB_STATE_CANCELLING};
      return RunBulk(session, *bulk, verb);
    };
  });
}

}  // namespace normlab::client
