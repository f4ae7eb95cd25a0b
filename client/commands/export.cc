// `normlab export`: curves and weights of any jobs as files that other programs read.
#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "client/commands/export_bundle.h"
#include "client/commands/job_curves.h"
#include "client/commands/job_filter.h"
#include "client/job_words.h"
#include "client/output.h"
#include "client/progress_line.h"
#include "client/tensorboard.h"
#include "client/text.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

struct ExportOptions {
  JobSelection jobs;
  std::vector<std::string> series;
  std::string format = "csv";
  std::string output;
  std::string tensorboard;  // folder
  std::string weights;      // file
  std::string bundle;       // file
  bool files = false;       // of jobs, into the bundle
};

// A curve and whose it is.
struct Exported {
  const v1::Job& job;
  std::string series;
  const v1::ReadCurveResponse& curve;
};

// Takes curves one by one, job by job.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual absl::Status BeginJob(const v1::Job& job) { return absl::OkStatus(); }
  virtual absl::Status Add(const Exported& exported) = 0;
  virtual absl::Status End() = 0;
};

// A name as a CSV cell: quoted where it must be.
std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::int64_t WallMs(const v1::ReadCurveResponse& curve, int i) {
  return i < curve.wall_ms_size() ? curve.wall_ms(i) : 0;
}

// One line a point, into a file or to stdout as it comes.
class LineWriter : public Writer {
 public:
  static absl::StatusOr<std::unique_ptr<Writer>> Make(Session& session, const ExportOptions& options) {
    auto writer = std::make_unique<LineWriter>(session, options.format == "jsonl", options.output);
    if (!options.output.empty() && options.output != "-") {
      NORMLAB_ASSIGN_OR_RETURN(writer->file_, FileOutput::Open(options.output, session.environment().stop));
    }
    return writer;
  }
  LineWriter(Session& session, bool json, std::string name)
      : session_(session), json_(json), name_(std::move(name)), header_due_(!json) {}

  absl::Status Add(const Exported& e) override {
    std::string text;
    for (int i = 0; i < e.curve.steps_size(); ++i) {
      text +=
          json_ ? JsonLine(e, i)
                : fmt::format("{},{},{},{},{},{},{}\n", e.job.job_id(), ExperimentOf(e.job), SeedOf(e.job),
                              CsvCell(e.series), e.curve.steps(i), FormatExact(e.curve.values(i)), WallMs(e.curve, i));
    }
    return Write(std::move(text));
  }

  absl::Status End() override {
    NORMLAB_RETURN_IF_ERROR(Write(""));
    if (file_ == nullptr) {
      return absl::OkStatus();
    }
    NORMLAB_RETURN_IF_ERROR(file_->Finish());
    session_.Note(fmt::format("{} written\n", name_));
    return absl::OkStatus();
  }

 private:
  static std::string JsonLine(const Exported& e, int i) {
    return Json{{"job_id", e.job.job_id()},     {"experiment", ExperimentOf(e.job)},
                {"seed", SeedOf(e.job)},        {"series", e.series},
                {"step", e.curve.steps(i)},     {"value", NumberToJson(e.curve.values(i))},
                {"wall_ms", WallMs(e.curve, i)}}
               .dump() +
           "\n";
  }

  // The header goes before the first line, so that what fails before it prints nothing.
  absl::Status Write(std::string text) {
    if (std::exchange(header_due_, false)) {
      text.insert(0, "job_id,experiment,seed,series,step,value,wall_ms\n");
    }
    return file_ != nullptr ? file_->Write(text) : session_.PrintNow(text);
  }

  Session& session_;
  const bool json_;
  const std::string name_;
  bool header_due_;
  std::unique_ptr<FileOutput> file_;  // null: stdout
};

// A folder for each job; TensorBoard shows the folders' names: what differs from the defaults, the seed, the job.
class TensorboardWriter : public Writer {
 public:
  TensorboardWriter(Session& session, std::string folder) : session_(session), folder_(std::move(folder)) {}

  absl::Status BeginJob(const v1::Job& job) override {
    NORMLAB_RETURN_IF_ERROR(Publish());
    const std::string folder = fmt::format("{}/{}/{}", folder_, PlainName(ExperimentOf(job)), RunName(job));
    NORMLAB_RETURN_IF_ERROR(PrepareFolder(folder));
    NORMLAB_ASSIGN_OR_RETURN(file_, FileOutput::Open(folder + "/" + kTensorboardFile, session_.environment().stop));
    return file_->Write(TensorboardHeader(static_cast<double>(job.created().seconds())));
  }

  absl::Status Add(const Exported& e) override {
    std::string records;
    for (int i = 0; i < e.curve.steps_size(); ++i) {
      records += TensorboardScalar(e.series, e.curve.steps(i), static_cast<double>(WallMs(e.curve, i)) / 1000,
                                   e.curve.values(i));
    }
    return file_->Write(records);
  }

  absl::Status End() override {
    NORMLAB_RETURN_IF_ERROR(Publish());
    session_.Note(fmt::format("Look at it: tensorboard --logdir {}\n", folder_));
    return absl::OkStatus();
  }

 private:
  static std::string PlainName(std::string text) {
    for (char& c : text) {
      const bool plain =
          std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '=' || c == '_' || c == '.' || c == '-';
      c = plain ? c : ',';
    }
    return text;
  }

  // "norm=layer batch_size=4" as a folder's name, then seed and job.
  static std::string RunName(const v1::Job& job) {
    const std::string name = PlainName(SummaryOf(job));
    constexpr std::size_t kLongest = 150;
    return fmt::format("{}{}{}", name.substr(0, kLongest), name.empty() ? "" : ",", job.job_id());
  }

  absl::Status Publish() {
    if (file_ == nullptr) {
      return absl::OkStatus();
    }
    NORMLAB_RETURN_IF_ERROR(file_->Finish());
    file_ = nullptr;
    return absl::OkStatus();
  }

  Session& session_;
  const std::string folder_;
  std::unique_ptr<FileOutput> file_;
};

absl::Status ExportCurves(Session& session, Client& client, const ExportOptions& options, Writer& writer) {
  NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, SelectedJobs(client, options.jobs));
  NORMLAB_RETURN_IF_ERROR(CheckSomeJobHas(client, jobs, options.series));
  constexpr auto kQuiet = std::chrono::seconds(2);
  ProgressLine progress(session.console(), "export", "jobs", kQuiet);
  std::uint64_t points = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    NORMLAB_ASSIGN_OR_RETURN(const ChosenSeries series, ChooseSeries(client, jobs[i].job_id(), options.series));
    if (series.taken.empty() && !options.series.empty()) {
      continue;
    }
    NORMLAB_RETURN_IF_ERROR(writer.BeginJob(jobs[i]));
    for (const std::string& name : series.taken) {
      NORMLAB_ASSIGN_OR_RETURN(const v1::ReadCurveResponse curve,
                               ReadWhatIsWhole(session, client, jobs[i].job_id(), name));
      points += static_cast<std::uint64_t>(curve.steps_size());
      NORMLAB_RETURN_IF_ERROR(writer.Add({jobs[i], name, curve}));
    }
    progress.Show(i + 1, jobs.size());
  }
  NORMLAB_RETURN_IF_ERROR(writer.End());
  session.Note(fmt::format("{} points of {} jobs\n", FormatCount(points), FormatCount(jobs.size())));
  return absl::OkStatus();
}

absl::StatusOr<int> ExportWeights(Session& session, Client& client, const ExportOptions& options) {
  if (options.jobs.ids.size() != 1) {
    return absl::InvalidArgumentError("--weights: name one job; each has its own weights");
  }
  return WriteArtifact(session, client, options.jobs.ids[0], "weights.safetensors", options.weights);
}

absl::StatusOr<int> RunExport(Session& session, const ExportOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  if (!options.weights.empty()) {
    return ExportWeights(session, *client, options);
  }
  if (!options.bundle.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, SelectedJobs(*client, options.jobs));
    NORMLAB_RETURN_IF_ERROR(ExportBundle(session, *client, jobs, {options.bundle, options.series, options.files}));
    return kExitOk;
  }
  std::unique_ptr<Writer> writer;
  if (options.tensorboard.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(writer, LineWriter::Make(session, options));
  } else {
    writer = std::make_unique<TensorboardWriter>(session, options.tensorboard);
  }
  NORMLAB_RETURN_IF_ERROR(ExportCurves(session, *client, options, *writer));
  return kExitOk;
}

}  // namespace

void AddExport(CLI::App& app, Session& session) {
  CLI::App* command = AddCommand(
      app, session,
      {kResults,
       "export",
       "Curves of jobs as CSV, JSON lines or TensorBoard event files; weights as safetensors; whole runs as a bundle "
       "for "
       "normlab import. Values are the shortest "
       "text that reads back to the same bits; NaN and infinities are NaN, Infinity and -Infinity",
       {"normlab export j17 j18 -o curves.csv", "normlab export --experiment mnist_mlp --format jsonl | gzip > all.gz",
        "normlab export j17 --series test/error", "normlab export --label item=mnist --tensorboard logs",
        "normlab export j17 --weights j17.safetensors", "normlab export --label item=mnist --bundle runs.zip"},
       ""});
  auto options = std::make_shared<ExportOptions>();
  AddSelectionOptions(session, *command, options->jobs);
  command->add_option("--series", options->series, "only these, such as test/error,train/nll [all]")
      ->delimiter(',')
      ->type_name("SERIES");
  CLI::Option* format = AddChoice(session, *command, "--format", options->format, {"csv", "jsonl"},
                                  "one line a point: job, experiment, seed, series, step, value, time [csv]");
  CLI::Option* output =
      command->add_option("-o,--output", options->output, "where to write them; - for stdout [stdout]")
          ->type_name("FILE");
  CLI::Option* tensorboard =
      command->add_option("--tensorboard", options->tensorboard, "write event files, a folder for each job, below this")
          ->type_name("DIR");
  CLI::Option* weights =
      command->add_option("--weights", options->weights, "write the final weights of one job")->type_name("FILE");
  CLI::Option* bundle = command
                            ->add_option("--bundle", options->bundle,
                                         "write the jobs that have ended, with all that they measured, as one archive")
                            ->type_name("FILE");
  command->add_flag("--files", options->files, "their weights and pictures too")->needs(bundle);
  bundle->excludes(format)->excludes(output)->excludes(weights)->excludes(tensorboard);
  tensorboard->excludes(format)->excludes(output)->excludes(weights);
  weights->excludes(format)->excludes(output);
  command->callback(
      [&session, options] { session.action = [&session, options] { return RunExport(session, *options); }; });
}

}  // namespace normlab::client
