// Golden bytes of every rule of the language, verbose: what was asked, by which rule, and what came of it.
#include <utility>

#include "gtest/gtest.h"
#include "results/judging/paper.h"
#include "tests/results/golden.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {
namespace {

constexpr char kEveryRule[] = R"yaml(schema: 2
id: rules
title: Every rule
items:
  it:
    title: Rules
    place: Table 9
    experiment: mnist_mlp
    dataset: mnist
    x: {series: train/pass, unit: pass, units: passes}
    axes: {examples: {of: updates, times: batch_size, unit: example, units: examples}}
    repeat: {field: fold, values: [1, 2]}
    metrics:
      error: {label: Test error, unit: "%", series: test/error, scale: 100, digits: 2}
      valid: {label: Valid error, unit: "%", series: valid/error, scale: 100, digits: 2}
      accuracy: {label: Accuracy, unit: "%", series: test/accuracy, scale: 100, better: higher, digits: 1, select: {at_best_of: valid}}
      nll: {label: Train NLL, unit: nats, series: train/nll, log: true}
      arrival: {label: Time to 0.2, unit: example, series: train/nll, select: {time_to: 0.2, on: examples}}
    arms:
      plain: {label: Plain, fields: {norm: none, batch_size: 128}}
      normed: {label: Normed, fields: {norm: layer, batch_size: 128}}
      tuned: {label: Tuned, fields: {norm: batch, batch_size: 128}, tune: {by: valid, over: {learning_rate: [1e-3, 1e-2]}}}
    table:
      columns: [error, accuracy]
      within: [0.5, "-"]
      rows: {plain: [4, 96], normed: [3, 97], tuned: ["", ""]}
      also: {"Theirs (2019)": [5, 95]}
    budgets:
      full: {summary: everything, exact: true, seeds: 6, end: 10, fields: {passes: 10}}
    claims:
      - {id: lower, statement: Normed tests better, rule: lower, metric: error, arm: normed, than: plain}
      - {id: higher, statement: Plain tests worse, rule: higher, metric: error, arm: plain, than: normed}
      - {id: opposite, statement: Plain tests better, rule: lower, metric: error, arm: plain, than: normed}
      - {id: over, statement: Normed trains better early, rule: lower, metric: nll, arm: normed, than: plain, over: {from: 1, to: 4}}
      - {id: accurate, statement: Normed is more accurate, rule: higher, metric: accuracy, arm: normed, than: plain}
      - {id: tuned, statement: Tuned is less accurate, rule: lower, metric: accuracy, arm: tuned, than: plain}
      - {id: reaches, statement: Normed comes to 0.2 sooner, rule: reaches, metric: nll, arm: normed, than: plain, target: 0.2}
      - {id: best, statement: Normed comes to the best of Plain sooner, rule: reaches, metric: nll, arm: normed, than: plain,
         target: best, on: examples}
      - {id: arrives, statement: Normed arrives sooner, rule: lower, metric: arrival, arm: normed, than: plain}
      - {id: close, statement: Normed has half the NLL, rule: close, metric: nll, arm: normed, than: plain, ratio: 0.5, within: 1.2}
      - {id: as-fast, statement: Normed takes half the time, rule: close, metric: nll, arm: normed, than: plain, target: 0.2,
         ratio: 0.5, within: 1.2}
      - {id: value, statement: Normed ends at 3 %, rule: value, metric: error, arm: normed, value: 3, within: 0.2}
      - {id: other-value, statement: Normed ends at 2 %, rule: value, metric: error, arm: normed, value: 2, within: 0.2}
      - {id: below, statement: No error is above 60 %, rule: below, metric: error, arm: plain, bound: 60}
      - {id: above, statement: No error is below 10 %, rule: above, metric: error, arm: plain, bound: 10}
)yaml";

// Errors of 4 and 3 %, NLLs of 0.8 and 0.4 over the pass; seeds and folds a little apart.
void AddRuns(LiteralSource& source) {
  const auto add = [&](const char* arm, double error, double nll, int points) {
    for (int seed = 1; seed <= 6; ++seed) {
      for (int part = 0; part < 2 * points; ++part) {
        const double apart = 1 + 0.004 * ((seed * 5 + part * 3) % 7) + (part / 2) * 0.5;
        source.Add(arm, static_cast<std::uint64_t>(seed), 10,
                   {{"test/error", [=](double pass) { return (pass == 0 ? 0.5 : error) * apart; }},
                    {"valid/error", [=](double pass) { return (0.5 - 0.01 * pass) * apart; }},
                    {"test/accuracy", [=](double) { return 1 - error * apart; }},
                    {"train/nll", [=](double pass) { return nll / (pass + 0.5) * apart; }}},
                   part);
      }
    }
  };
  add("plain", 0.04, 0.8, 1);
  add("normed", 0.03, 0.4, 1);
  add("tuned", 0.05, 0.6, 2);
}

TEST(Golden, EveryRule) {
  LiteralSource source;
  AddRuns(source);
  const auto paper = Paper::Parse(kEveryRule, "rules.yaml");
  ASSERT_TRUE(paper.ok()) << paper.status();
  for (const auto& [name, format] :
       {std::pair("rules.txt", Format::kTerminalVerbose), {"rules.md", Format::kMarkdown}}) {
    const auto table = (*paper)->Table("it", "full", source, format);
    ASSERT_TRUE(table.ok()) << table.status();
    ExpectGolden(NORMLAB_TEST_DIR "/golden", name, table->content);
  }
}

}  // namespace
}  // namespace normlab::judging
