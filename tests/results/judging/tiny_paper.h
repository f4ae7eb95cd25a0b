// tiny_paper.h - a paper a user might describe: one item, two arms, a claim of each rule.
#pragma once

#include <cmath>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "results/judging/paper.h"
#include "tests/results/judging/literal_source.h"

namespace normlab::judging {

inline constexpr char kTinyManifest[] = R"(schema: 2
id: tiny-2020
title: A Tiny Paper
citation: A. Author. A Tiny Paper. 2020.
items:
  curve:
    title: Two curves
    place: Figure 1
    experiment: mnist_mlp
    dataset: mnist
    note: The paper shows one run of each.
    x: {series: train/pass, unit: pass, units: passes, label: passes}
    metrics:
      error: {label: Test error, unit: "%", series: test/error, scale: 100, digits: 2, select: {mean_of_last: 0.15}}
      nll: {label: Train NLL, unit: nats, series: train/nll, log: true, select: {mean_of_last: 0.15}}
    arms:
      plain: {label: Plain, fields: {norm: none}}
      normed: {label: Normed, fields: {norm: layer}}
    reference: tiny.csv
    budgets:
      small: {summary: 3 seeds and 4 passes, seeds: 3, end: 4, fields: {passes: 4}}
      full: {summary: 6 seeds and 10 passes, exact: true, seeds: 6, end: 10, fields: {passes: 10}}
    claims:
      - {id: faster, statement: Normed trains faster than Plain, rule: lower, metric: nll, arm: normed, than: plain}
      - {id: as-good, statement: Normed tests as well as Plain, rule: close, metric: error, arm: normed, than: plain, within: 0.5}
      - {id: final, statement: Normed ends at 1.5 %, rule: value, metric: error, arm: normed, value: 1.5, within: 0.3, needs: 10}
      - {id: sooner, statement: Normed reaches 0.1 nats sooner, rule: reaches, metric: nll, arm: normed, than: plain, target: 0.1}
)";

// Train NLL falls as 0.8/p and 0.4/p: a ratio of 0.5 everywhere.
inline constexpr char kTinyReference[] = R"(# from a figure
arm,from,to,error_lo,error_hi,nll
plain,1,2,3.00,4.00,0.5
plain,3,4,2.00,2.20,0.23
plain,10,10,1.60,1.60,0.08
normed,1,2,2.80,3.80,0.25
normed,3,4,1.90,2.10,0.115
normed,10,10,1.50,1.50,0.04
)";

inline std::unique_ptr<Paper> TinyPaper(const std::string& manifest = kTinyManifest) {
  auto paper = Paper::Parse(manifest, "tiny.yaml", {{"tiny.csv", kTinyReference}});
  EXPECT_TRUE(paper.ok()) << paper.status();
  return paper.ok() ? std::move(*paper) : nullptr;
}

// What the runs of the tiny paper are made of.
struct Truth {
  double nll_ratio = 0.5;     // normed / plain
  double error_gap = 0.0;     // normed - plain, in percent
  double normed_error = 1.5;  // at the end, in percent
  double noise = 0.02;        // relative, of nll; times 1 %, of error
  double common = 0;          // the same for both arms of a seed: log of nll
};

// A run-to-run wiggle that is the same on every machine: multiples of an irrational number, another one for each salt, fill
// [-1, 1) evenly.
inline double Wiggle(double seed, double salt) {
  const double u = std::fmod(seed * 0.6180339887498949 * std::sqrt(salt + 1) + salt * 0.7548776662466927, 1.0);
  return 2 * u - 1;
}

inline LiteralSource TinyRuns(int seeds, int passes, const Truth& truth = {}) {
  LiteralSource source;
  for (int seed = 1; seed <= seeds; ++seed) {
    for (const bool normed : {false, true}) {
      const double shift = truth.noise * Wiggle(seed, normed ? 1 : 2);
      const double seed_nll = truth.common * Wiggle(seed, 3);
      const auto nll = [=](double p) {
        return p == 0 ? 2.3 : (normed ? truth.nll_ratio : 1) * 0.8 / p * std::exp(shift + seed_nll);
      };
      const auto error = [=](double p) {
        const double level = truth.normed_error - (normed ? 0 : truth.error_gap);
        return p == 0 ? 0.9 : 0.01 * (level + (10 - p) * 0.2 + shift);
      };
      source.Add(normed ? "normed" : "plain", static_cast<std::uint64_t>(seed), passes,
                 {{"train/nll", nll}, {"test/error", error}});
    }
  }
  return source;
}

}  // namespace normlab::judging
