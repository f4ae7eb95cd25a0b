// literal_source.h - runs of one item made of literals, for tests of tables, figures and verdicts.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "results/judging/curve_source.h"

namespace normlab::judging {

class LiteralSource : public CurveSource {
 public:
  struct Run {
    RunStatus status;
    std::map<std::string, Samples, std::less<>> series;
  };

  absl::StatusOr<RunStatus> Find(const RunName& name) override {
    const auto run = runs_.find(Key(name.arm, name.seed, name.part));
    return run == runs_.end() ? RunStatus{} : run->second.status;
  }
  absl::StatusOr<Samples> Read(const RunName& name, std::string_view series) override {
    const auto run = runs_.find(Key(name.arm, name.seed, name.part));
    if (run == runs_.end()) {
      return absl::NotFoundError("no such run");
    }
    const auto found = run->second.series.find(series);
    return found == run->second.series.end() ? Samples{} : found->second;
  }

  absl::StatusOr<std::vector<RunPicture>> Pictures(const RunName& name) override {
    return name.arm == picture_arm ? std::vector<RunPicture>{{"samples.png", "image/png", 40, "\x89PNG"}}
                                   : std::vector<RunPicture>();
  }
  std::string WhyNotRun(std::string_view experiment) override {
    return experiment == "unwritten" ? "normlab has no experiment unwritten" : "";
  }
  std::string picture_arm;  // whose runs have left a picture; empty: nobody's

  // The run, made succeeded on MNIST if it is new.
  Run& At(std::string_view arm, std::uint64_t seed, int part = 0) {
    const auto [run, added] = runs_.try_emplace(Key(arm, seed, part));
    if (added) {
      run->second.status = {.job = fmt::format("j{}", runs_.size()),
                            .succeeded = true,
                            .diverged = false,
                            .dataset = "mnist",
                            .fingerprint = fmt::format("{:064x}", runs_.size()),
                            .computed_by = "",
                            .machine = "a machine of literals"};
    }
    return run->second;
  }

  // A run of `passes` passes, 10 updates each: train/pass, and each series as a function of the pass (0: before
  // training).
  Run& Add(std::string_view arm, std::uint64_t seed, int passes,
           const std::map<std::string, std::function<double(double)>>& series, int part = 0) {
    Run& run = At(arm, seed, part);
    for (int pass = 0; pass <= passes; ++pass) {
      const auto step = static_cast<std::uint64_t>(pass) * 10;
      const auto put = [&](const std::string& name, double value) {
        run.series[name].steps.push_back(step);
        run.series[name].values.push_back(value);
      };
      put("train/pass", pass);
      for (const auto& [name, value] : series) {
        put(name, value(pass));
      }
    }
    return run;
  }

 private:
  static std::tuple<std::string, std::uint64_t, int> Key(std::string_view arm, std::uint64_t seed, int part) {
    return {std::string(arm), seed, part};
  }
  std::map<std::tuple<std::string, std::uint64_t, int>, Run> runs_;
};

}  // namespace normlab::judging
