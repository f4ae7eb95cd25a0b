// report_bench - how long pages over 10,000 stored runs take once their curves are read; exit code 1 if a bar is
// missed.
//
//   report_bench
//
// The paper's own size: 131 evaluations of two metrics a run, 2.6 million points in all.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "results/judging/paper.h"
#include "results/judging/render_comparison.h"

namespace normlab {
namespace {

constexpr int kArms = 417, kSeeds = 24, kPasses = 130;  // 10,008 runs

double Value(int arm, int seed, int pass) {
  Rng rng(static_cast<std::uint64_t>(arm * kSeeds + seed), "bench", static_cast<std::uint64_t>(pass));
  return 2.3 / (1.0 + pass) * (1 + 0.001 * arm) * std::exp(0.05 * rng.Normal());
}

std::string Manifest() {
  std::string text =
      "schema: 2\nid: bench\ntitle: A paper of many runs\nitems:\n  sweep:\n    title: A sweep\n    place: Figure 1\n"
      "    experiment: mnist_mlp\n    dataset: mnist\n    x: {series: train/pass, unit: pass}\n    metrics:\n"
      "      error: {label: Test error, series: test/error}\n      nll: {label: Train NLL, series: train/nll, log: "
      "true}\n    arms:\n";
  std::string claims;
  for (int arm = 0; arm < kArms; ++arm) {
    text += fmt::format("      a{0}: {{label: Arm {0}, fields: {{hidden_units: {1}}}}}\n", arm, arm + 1);
    if (arm > 0) {
      claims += fmt::format(
          "      - {{id: c{0}, statement: Arm {0} is worse, rule: lower, metric: nll, arm: a0, than: a{0}}}\n", arm);
    }
  }
  return text +
         fmt::format("    budgets:\n      all: {{summary: all, seeds: {}, end: {}, fields: {{passes: {}}}}}\n", kSeeds,
                     kPasses, kPasses) +
         "    claims:\n" + claims;
}

// Curves as the store gives them.
class Source : public judging::CurveSource {
 public:
  Source() {
    for (int arm = 0; arm < kArms; ++arm) {
      for (int seed = 1; seed <= kSeeds; ++seed) {
        judging::Samples& samples = curves_.emplace_back();
        for (int pass = 0; pass <= kPasses; ++pass) {
          samples.steps.push_back(static_cast<std::uint64_t>(pass) * 430);
          samples.values.push_back(Value(arm, seed, pass));
        }
      }
    }
    for (int pass = 0; pass <= kPasses; ++pass) {
      passes_.steps.push_back(static_cast<std::uint64_t>(pass) * 430);
      passes_.values.push_back(pass);
    }
  }

  absl::StatusOr<judging::RunStatus> Find(const judging::RunName& run) override {
    return judging::RunStatus{.job = fmt::format("j{}", Index(run) + 1),
                              .succeeded = true,
                              .diverged = false,
                              .dataset = "mnist",
                              .fingerprint = fmt::format("{:064x}", Index(run)),
                              .computed_by = "",
                              .machine = "one machine"};
  }
  absl::StatusOr<judging::Samples> Read(const judging::RunName& run, std::string_view series) override {
    return series == "train/pass" ? passes_ : curves_[Index(run)];
  }
  const std::vector<judging::Samples>& curves() const { return curves_; }

 private:
  static std::size_t Index(const judging::RunName& run) {
    return static_cast<std::size_t>(std::stoi(std::string(run.arm.substr(1))) * kSeeds) + run.seed - 1;
  }
  std::vector<judging::Samples> curves_;
  judging::Samples passes_;
};

std::vector<judging::ComparedJob> Jobs(const Source& source) {
  std::vector<judging::ComparedJob> jobs;
  for (std::size_t i = 0; i < source.curves().size(); ++i) {
    const judging::Samples& samples = source.curves()[i];
    judging::ComparedJob& job = jobs.emplace_back();
    job.name = fmt::format("j{}", i + 1);
    job.experiment = "mnist_mlp";
    job.fields = {{"hidden_units", fmt::to_string(i / kSeeds + 1)}};
    job.seed = i % kSeeds + 1;
    job.state = "SUCCEEDED";
    job.curves.assign(2, {{samples.steps.begin(), samples.steps.end()}, samples.values});
  }
  return jobs;
}

// Runs `render` twice; true if it met the bar and gave the same bytes.
bool Measure(const char* what, double bar, const std::function<std::string()>& render) {
  std::string first;
  double best = 1e9;
  bool same = true;
  for (int i = 0; i < 2; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    std::string content = render();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    same = same && (i == 0 || content == first);
    first = std::move(content);
  }
  const bool met = best < bar && same;
  fmt::print("{:<44} {:>7.2f} s {:>7.1f} MB  {:<8} {}\n", what, best, 1e-6 * static_cast<double>(first.size()),
             fmt::format("< {} s", bar),
             !same ? "OTHER BYTES"
             : met ? "met"
                   : "MISSED");
  return met;
}

int Run() {
  const auto paper = judging::Paper::Parse(Manifest(), "bench.yaml");
  if (!paper.ok()) {
    fmt::print(stderr, "report_bench: {}\n", Message(paper.status()));
    return 2;
  }
  Source source;
  const std::vector<judging::ComparedJob> jobs = Jobs(source);
  constexpr double kBar = 2.0;
  const auto report = [&](report::Format format) { return (*paper)->Report({}, "all", source, format)->content; };
  bool met = Measure("report of 10,008 runs as HTML", kBar, [&] { return report(report::Format::kHtml); });
  met &= Measure("  as Markdown", kBar, [&] { return report(report::Format::kMarkdown); });
  const auto compared = [&] { return judging::Compare(jobs, {"test/error", "train/nll"}); };
  met &= Measure("comparison of 10,008 jobs as HTML", kBar,
                 [&] { return *judging::RenderTable(compared(), report::Format::kHtml); });
  met &= Measure("  plot as SVG", kBar, [&] { return *judging::RenderPlot(compared(), true, report::Format::kSvg); });
  return met ? 0 : 1;
}

}  // namespace
}  // namespace normlab

int main() { return normlab::Run(); }
