#include "experiments/skip_thoughts/cross_validation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "experiments/skip_thoughts/logistic_regression.h"

namespace normlab {
namespace {

constexpr std::size_t kFolds = 10;
constexpr std::array kC = {1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0};

// Which of ten parts, whose sizes differ by one at most, number i of n is in.
std::size_t FoldOf(std::size_t i, std::size_t n) {
  const std::size_t size = n / kFolds, larger = n % kFolds;
  return i < larger * (size + 1) ? i / (size + 1) : larger + (i - larger * (size + 1)) / size;
}

// Where an example stands: the outer part it is tested in, and for every outer part in whose nine it is, the inner one.
struct Place {
  std::size_t outer = 0;
  std::array<std::size_t, kFolds> inner{};
};

std::vector<Place> Places(std::size_t n) {
  std::vector<Place> places(n);
  std::array<std::size_t, kFolds> outside{};  // of each outer part: how many examples are not in it
  for (std::size_t i = 0; i < n; ++i) {
    places[i].outer = FoldOf(i, n);
    for (std::size_t outer = 0; outer < kFolds; ++outer) {
      outside[outer] += places[i].outer != outer ? 1 : 0;
    }
  }
  std::array<std::size_t, kFolds> seen{};
  for (Place& place : places) {
    for (std::size_t outer = 0; outer < kFolds; ++outer) {
      if (place.outer != outer) {
        place.inner[outer] = FoldOf(seen[outer]++, outside[outer]);
      }
    }
  }
  return places;
}

// With one more feature that is 1: the intercept.
std::vector<float> WithIntercept(const SentenceVectors& vectors) {
  std::vector<float> x;
  x.reserve(vectors.values.size() + static_cast<std::size_t>(vectors.Sentences()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(vectors.Sentences()); ++i) {
    const std::span<const float> vector = vectors.Vector(i);
    x.insert(x.end(), vector.begin(), vector.end());
    x.push_back(1.0f);
  }
  return x;
}

using Regressions = LogisticRegressions<float>;

// For each problem, the share of the examples it is tested on that it takes for what they are.
template <typename Tested>
std::vector<double> Accuracies(const Regressions& fitted, std::size_t problems, std::span<const std::uint8_t> labels,
                               Tested tested) {
  std::vector<double> right(problems, 0.0), all(problems, 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t k = 0; k < problems; ++k) {
      if (tested(i, k)) {
        all[k] += 1.0;
        right[k] += (fitted.margins()[i * problems + k] > 0.0f) == (labels[i] != 0) ? 1.0 : 0.0;
      }
    }
  }
  std::transform(right.begin(), right.end(), all.begin(), right.begin(), std::divides<>());
  return right;
}

// For each outer part the C with the best mean accuracy over its inner ones: problem 10 outer + inner.
std::array<double, kFolds> ChooseC(std::span<const float> x, nn::Index features, std::span<const std::uint8_t> labels,
                                   const std::vector<Place>& places) {
  constexpr std::size_t kProblems = kFolds * kFolds;
  std::vector<std::uint8_t> parts;
  parts.reserve(places.size() * kProblems);
  for (const Place& place : places) {
    for (std::size_t k = 0; k < kProblems; ++k) {
      parts.push_back(place.outer != k / kFolds && place.inner[k / kFolds] != k % kFolds ? 1 : 0);
    }
  }
  Regressions regressions(x, features, labels, std::move(parts), kProblems);
  std::array<double, kFolds> best, chosen;
  best.fill(-1.0);
  for (const double c : kC) {
    regressions.Fit(std::vector<double>(kProblems, c));
    const std::vector<double> accuracies =
        Accuracies(regressions, kProblems, labels, [&](std::size_t i, std::size_t k) {
          return places[i].outer != k / kFolds && places[i].inner[k / kFolds] == k % kFolds;
        });
    for (std::size_t outer = 0; outer < kFolds; ++outer) {
      const auto first = accuracies.begin() + static_cast<std::ptrdiff_t>(outer * kFolds);
      const double mean = std::accumulate(first, first + kFolds, 0.0) / static_cast<double>(kFolds);
      if (mean > best[outer]) {
        best[outer] = mean;
        chosen[outer] = c;
      }
    }
  }
  return chosen;
}

}  // namespace

double CrossValidation::Mean() const {
  return std::accumulate(accuracies.begin(), accuracies.end(), 0.0) / static_cast<double>(accuracies.size());
}

double CrossValidation::Deviation() const {
  const double mean = Mean();
  const double squares = std::accumulate(accuracies.begin(), accuracies.end(), 0.0,
                                         [mean](double sum, double a) { return sum + (a - mean) * (a - mean); });
  return std::sqrt(squares / static_cast<double>(accuracies.size()));
}

CrossValidation NestedCrossValidation(const SentenceVectors& vectors, std::span<const std::uint8_t> labels) {
  const std::vector<float> x = WithIntercept(vectors);
  const nn::Index features = vectors.units + 1;
  const std::vector<Place> places = Places(labels.size());
  const std::array<double, kFolds> chosen = ChooseC(x, features, labels, places);
  std::vector<std::uint8_t> parts;
  for (const Place& place : places) {
    for (std::size_t outer = 0; outer < kFolds; ++outer) {
      parts.push_back(place.outer != outer ? 1 : 0);
    }
  }
  Regressions regressions(x, features, labels, std::move(parts), kFolds);
  regressions.Fit(chosen);
  return {.accuracies = Accuracies(regressions, kFolds, labels,
                                   [&](std::size_t i, std::size_t k) { return places[i].outer == k; }),
          .c = {chosen.begin(), chosen.end()}};
}

}  // namespace normlab
