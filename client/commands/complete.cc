// `normlab complete`: what a shell offers for the word that is being typed. Hidden: the scripts of `normlab completion`
// call it.
//
// Whoever presses a key waits: a server that does not answer within a second is as good as none, and nothing is ever said
// of what goes wrong.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "client/commands/command.h"
#include "client/completion.h"
#include "client/contexts.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

constexpr int kNewestJobs = 200;

// Requests a stop after a second of life.
class Patience {
 public:
  std::stop_token token() const { return over_.get_token(); }

 private:
  std::stop_source over_;
  std::jthread timer_{[over = over_](const std::stop_token& ended) mutable {
    std::mutex mu;
    std::unique_lock lock(mu);
    if (!std::condition_variable_any().wait_for(lock, ended, std::chrono::seconds(1),
                                                [&ended] { return ended.stop_requested(); })) {
      over.request_stop();
    }
  }};
};

std::string ValueOf(const Given& given, const std::string& name) {
  const auto found = given.find(name);
  return found == given.end() ? "" : found->second;
}

std::vector<v1::Job> NewestJobs(Client& client) {
  v1::ListJobsRequest request;
  request.set_page_size(kNewestJobs);
  const auto answer = client.ListJobs(request);
  return answer.ok() ? std::vector<v1::Job>(answer->jobs().begin(), answer->jobs().end()) : std::vector<v1::Job>();
}

std::vector<Candidate> Jobs(Client& client, const Given& /*given*/) {
  std::vector<Candidate> found;
  for (const v1::Job& job : NewestJobs(client)) {
    found.push_back(
        {job.job_id(), StateName(job.state()) + ", " + ExperimentName(job.spec()) + " " + SummarizeSpec(job.spec())});
  }
  return found;
}

// "who=ana", or with `keys` "who".
std::vector<Candidate> LabelsOf(const std::vector<v1::Job>& jobs, bool keys) {
  std::set<std::string> labels;
  for (const v1::Job& job : jobs) {
    for (const auto& [key, value] : job.labels()) {
      labels.insert(keys ? key : key + "=" + value);
    }
  }
  std::vector<Candidate> found;
  for (const std::string& label : labels) {
    found.push_back({label});
  }
  return found;
}

std::vector<Candidate> Labels(Client& client, const Given& /*given*/) { return LabelsOf(NewestJobs(client), false); }
std::vector<Candidate> LabelKeys(Client& client, const Given& /*given*/) { return LabelsOf(NewestJobs(client), true); }

std::vector<Candidate> SeriesOfJob(Client& client, const Given& given) {
  std::vector<Candidate> found;
  if (const auto all = client.ListSeries(ValueOf(given, "JOB")); all.ok()) {
    for (const v1::Series& series : *all) {
      found.push_back({series.name(), std::to_string(series.points()) + " points"});
    }
  }
  return found;
}

std::vector<Candidate> FilesOfJob(Client& client, const Given& given) {
  std::vector<Candidate> found;
  if (const auto all = client.ListArtifacts(ValueOf(given, "JOB")); all.ok()) {
    for (const v1::Artifact& artifact : *all) {
      found.push_back({artifact.name(), artifact.media_type()});
    }
  }
  return found;
}

std::vector<Candidate> Papers(Client& client, const Given& /*given*/) {
  std::vector<Candidate> found;
  if (const auto papers = client.ListPapers(); papers.ok()) {
    for (const v1::Paper& paper : *papers) {
      found.push_back({paper.paper_id(), paper.title()});
    }
  }
  return found;
}

std::vector<Candidate> ItemsOfPaper(Client& client, const Given& given) {
  std::vector<Candidate> found;
  if (const auto papers = client.ListPapers(); papers.ok()) {
    for (const v1::Paper& paper : *papers) {
      for (const auto& item : paper.items()) {
        if (paper.paper_id() == ValueOf(given, "PAPER")) {
          found.push_back({item.item_id(), item.title()});
        }
      }
    }
  }
  return found;
}

std::vector<Candidate> ContextNames() {
  std::vector<Candidate> found;
  if (const auto contexts = LoadContexts(); contexts.ok()) {
    for (const auto& [name, endpoint] : contexts->named) {
      found.push_back({name, endpoint.Describe()});
    }
  }
  return found;
}

// The server that the line so far means.
absl::StatusOr<std::unique_ptr<Client>> ConnectTo(const Given& given, const std::stop_token& stop) {
  const Endpoint options{.home = ValueOf(given, "--home"),
                         .socket = ValueOf(given, "--socket"),
                         .address = ValueOf(given, "--address"),
                         .token_file = ValueOf(given, "--token-file")};
  NORMLAB_ASSIGN_OR_RETURN(const Endpoint endpoint, ResolveEndpoint(options, ValueOf(given, "--context")));
  return Client::Connect(endpoint, stop);
}

// Names of the kinds that are not written down in this program.
std::vector<Candidate> LookUp(const std::string& kind, const Given& given) {
  static const std::map<std::string, std::vector<Candidate> (*)(Client&, const Given&)> kKinds = {
      {"JOB", Jobs},     {"KEY=VALUE", Labels},  {"KEY", LabelKeys},  {"SERIES", SeriesOfJob},
      {"PAPER", Papers}, {"ITEM", ItemsOfPaper}, {"NAME", FilesOfJob}};
  if (kind == "CONTEXT") {
    return ContextNames();
  }
  const auto found = kKinds.find(kind);
  if (found == kKinds.end()) {
    return {};
  }
  const Patience patience;
  const auto client = ConnectTo(given, patience.token());
  return client.ok() ? found->second(**client, given) : std::vector<Candidate>();
}

}  // namespace

void AddComplete(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("complete", "What a shell offers for the last of WORDS");
  command->group("");
  struct Asked {
    std::string shell;
    std::vector<std::string> words;
  };
  auto asked = std::make_shared<Asked>();
  command->add_option("SHELL", asked->shell)->required();
  command->add_option("WORDS", asked->words);
  command->callback([&session, &app, asked] {
    session.action = [&session, &app, asked]() -> absl::StatusOr<int> {
      const std::vector<std::string> words = asked->shell == "bash" ? JoinedAtEquals(asked->words) : asked->words;
      if (!words.empty()) {
        session.Print(RenderCompletion(Complete(app, session.choices, words, LookUp), asked->shell, words.back()));
      }
      return kExitOk;
    };
  });
}

}  // namespace normlab::client
