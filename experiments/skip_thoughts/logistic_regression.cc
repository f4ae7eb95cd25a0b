#include "experiments/skip_thoughts/logistic_regression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/parallel.h"
#include "nn/error.h"
#include "nn/kernels/pointwise.h"
#include "nn/ops/gemm.h"

namespace normlab {
namespace {

using nn::Index;

constexpr int kHistory = 10;
constexpr int kMostSteps = 2000;
constexpr int kHalvings = 20;
constexpr Index kExamplesPerPiece = 256;

void Exponentials(Index n, const float* x, float* y) { nn::kernels::exp(n, x, y); }
void Exponentials(Index n, const double* x, double* y) {
  std::transform(x, x + n, y, [](double v) { return std::exp(v); });
}

double Dot(const double* a, const double* b, Index n) { return std::inner_product(a, a + n, b, 0.0); }

// y += a x
void AddTo(double* y, double a, const double* x, Index n) {
  std::transform(x, x + n, y, y, [a](double xi, double yi) { return yi + a * xi; });
}

}  // namespace

template <typename T>
LogisticRegressions<T>::LogisticRegressions(std::span<const T> x, Index features, std::span<const std::uint8_t> labels,
                                            std::vector<std::uint8_t> parts, Index problems)
    : features_(features),
      examples_(static_cast<Index>(labels.size())),
      count_(problems),
      x_(x),
      labels_(labels),
      parts_(std::move(parts)),
      problems_(static_cast<std::size_t>(problems)),
      changes_(kHistory) {
  if (static_cast<Index>(x.size()) != features * examples_ ||
      static_cast<Index>(parts_.size()) != problems * examples_) {
    throw nn::Error(
        fmt::format("logistic regressions: {} values and {} parts for {} examples of {} features and {} problems",
                    x.size(), parts_.size(), examples_, features, problems));
  }
  const auto weights = static_cast<std::size_t>(features * problems);
  const auto margins = static_cast<std::size_t>(examples_ * problems);
  for (std::vector<double>* v : {&w_, &gradient_, &last_gradient_, &direction_}) {
    v->assign(weights, 0.0);
  }
  for (Point* point : {&here_, &there_}) {
    *point = {.margins = std::vector<T>(margins),
              .u = std::vector<T>(margins),
              .losses = std::vector<double>(problems_.size())};
  }
  for (Change& change : changes_) {
    change = {.w = std::vector<double>(weights), .gradient = std::vector<double>(weights), .inverse = {}};
  }
  along_.resize(margins);
  products_.resize(weights);
  MeasureLosses(here_);
  for (Problem& problem : problems_) {
    problem.c = 1.0;
  }
  MeasureGradients();
  for (Index k = 0; k < count_; ++k) {
    const double* g = gradient_.data() + k * features_;
    problems_[static_cast<std::size_t>(k)].start = std::sqrt(Dot(g, g, features_));
  }
}

// --- What the examples say ---

template <typename T>
template <typename Add>
void LogisticRegressions<T>::SumOverExamples(std::vector<double>& sums, Add add) {
  const Index pieces = (examples_ + kExamplesPerPiece - 1) / kExamplesPerPiece;
  pieces_.assign(static_cast<std::size_t>(pieces * count_), 0.0);
  parallel_for(pieces, [&](Index piece) {
    add(piece * kExamplesPerPiece, std::min((piece + 1) * kExamplesPerPiece, examples_),
        pieces_.data() + piece * count_);
  });
  sums.assign(static_cast<std::size_t>(count_), 0.0);
  for (Index piece = 0; piece < pieces; ++piece) {
    AddTo(sums.data(), 1.0, pieces_.data() + piece * count_, count_);
  }
}

template <typename T>
void LogisticRegressions<T>::Multiply(const std::vector<double>& weights, std::vector<T>& margins) {
  std::transform(weights.begin(), weights.end(), products_.begin(), [](double v) { return static_cast<T>(v); });
  nn::gemm(nn::Trans::kNo, nn::Trans::kYes, examples_, count_, features_, x_.data(), features_, products_.data(),
           features_, margins.data(), count_);
}

// With e = exp(-|m|), a loss is log(1 + e) and what m lies on the wrong side of 0 by. 1 + e is at most 2, so that the logarithm of
// a piece's product is their sum.
template <typename T>
void LogisticRegressions<T>::MeasureLosses(Point& point) {
  SumOverExamples(point.losses, [&](Index begin, Index end, double* sums) {
    const T* m = point.margins.data() + begin * count_;
    T* u = point.u.data() + begin * count_;
    const Index values = (end - begin) * count_;
    std::transform(m, m + values, u, [](T v) { return -std::abs(v); });
    Exponentials(values, u, u);
    std::vector<double> product(problems_.size(), 1.0);
    const std::uint8_t* counts = parts_.data() + begin * count_;
    for (Index example = begin; example < end; ++example, m += count_, u += count_, counts += count_) {
      const T one = labels_[static_cast<std::size_t>(example)] != 0 ? T{1} : T{0}, sign = T{1} - T{2} * one;
      for (Index k = 0; k < count_; ++k) {
        const T e = u[k], p = (m[k] >= T{0} ? T{1} : e) / (T{1} + e), part = static_cast<T>(counts[k]);
        product[static_cast<std::size_t>(k)] *= 1.0 + static_cast<double>(part * e);
        sums[k] += static_cast<double>(part * std::max(sign * m[k], T{0}));
        u[k] = part * (p - one);
      }
    }
    std::transform(product.begin(), product.end(), sums, sums, [](double f, double sum) { return sum + std::log(f); });
  });
}

// w + C X^T u
template <typename T>
void LogisticRegressions<T>::MeasureGradients() {
  nn::gemm(nn::Trans::kYes, nn::Trans::kNo, count_, features_, examples_, here_.u.data(), count_, x_.data(), features_,
           products_.data(), features_);
  parallel_for(count_, [&](Index k) {
    const double c = problems_[static_cast<std::size_t>(k)].c;
    for (Index i = k * features_; i < (k + 1) * features_; ++i) {
      const auto at = static_cast<std::size_t>(i);
      gradient_[at] = w_[at] + c * static_cast<double>(products_[at]);
    }
  });
}

// sum of p(1) p(0) (p.x)^2; |u| is one of the two probabilities.
template <typename T>
void LogisticRegressions<T>::MeasureCurvatures() {
  std::vector<double> sums;
  SumOverExamples(sums, [&](Index begin, Index end, double* piece) {
    const T *u = here_.u.data() + begin * count_, *along = along_.data() + begin * count_;
    for (Index example = begin; example < end; ++example, u += count_, along += count_) {
      for (Index k = 0; k < count_; ++k) {
        const T p = std::abs(u[k]);
        piece[k] += static_cast<double>(p * (T{1} - p) * along[k] * along[k]);
      }
    }
  });
  for (std::size_t k = 0; k < sums.size(); ++k) {
    problems_[k].curvature = sums[k];
  }
}

// --- Steps ---

// Whether all are done.
template <typename T>
bool LogisticRegressions<T>::EndProblems(double tolerance) {
  for (Index k = 0; k < count_; ++k) {
    Problem& problem = problems_[static_cast<std::size_t>(k)];
    const double* g = gradient_.data() + k * features_;
    problem.done = problem.done || std::sqrt(Dot(g, g, features_)) <= tolerance * problem.c * problem.start;
  }
  return std::all_of(problems_.begin(), problems_.end(), [](const Problem& problem) { return problem.done; });
}

// p = -H g with what the last changes say of H, and what is known of the objective along it.
template <typename T>
void LogisticRegressions<T>::Direct(Index k) {
  Problem& problem = problems_[static_cast<std::size_t>(k)];
  const Index n = features_, at = k * n;
  double* const p = direction_.data() + at;
  if (problem.done) {
    std::fill_n(p, n, 0.0);
    problem.slope = problem.step = problem.crossed = 0.0;
    return;
  }
  std::transform(gradient_.data() + at, gradient_.data() + at + n, p, std::negate<>());
  const int known = std::min(steps_, kHistory);
  double along[kHistory], scale = 1.0;
  for (int i = 1; i <= known; ++i) {
    const Change& change = changes_[static_cast<std::size_t>((steps_ - i) % kHistory)];
    const double inverse = change.inverse[static_cast<std::size_t>(k)];
    along[i - 1] = inverse * Dot(change.w.data() + at, p, n);
    AddTo(p, -along[i - 1], change.gradient.data() + at, n);
    if (i == 1 && inverse > 0.0) {
      scale = 1.0 / (inverse * Dot(change.gradient.data() + at, change.gradient.data() + at, n));
    }
  }
  std::transform(p, p + n, p, [scale](double v) { return scale * v; });
  for (int i = known; i >= 1; --i) {
    const Change& change = changes_[static_cast<std::size_t>((steps_ - i) % kHistory)];
    const double back = change.inverse[static_cast<std::size_t>(k)] * Dot(change.gradient.data() + at, p, n);
    AddTo(p, along[i - 1] - back, change.w.data() + at, n);
  }
  problem.slope = Dot(gradient_.data() + at, p, n);
  problem.step = Dot(p, p, n);
  problem.crossed = Dot(w_.data() + at, p, n);
}

// The least difference of the objective that T can tell.
template <typename T>
double LogisticRegressions<T>::Slack(const Problem& problem, double loss) {
  return static_cast<double>(std::numeric_limits<T>::epsilon()) * problem.c * loss;
}

// Whether the objective falls enough for the size of the step.
template <typename T>
bool LogisticRegressions<T>::Descends(const Problem& problem, double loss, double trial_loss) {
  const double weights = problem.size * (problem.crossed + 0.5 * problem.size * problem.step);
  return weights + problem.c * (trial_loss - loss) <= 1e-4 * problem.size * problem.slope + Slack(problem, loss);
}

// Newton's size of the step for each problem, halved until the objective falls. A step from which no more can be told is the last.
template <typename T>
void LogisticRegressions<T>::Search() {
  for (std::size_t k = 0; k < problems_.size(); ++k) {
    Problem& problem = problems_[k];
    problem.size = problem.done ? 0.0 : -problem.slope / (problem.step + problem.c * problem.curvature);
    problem.done = problem.done || -problem.slope * problem.size <= Slack(problem, here_.losses[k]);
  }
  for (int halvings = 0;; ++halvings) {
    const auto values = static_cast<std::ptrdiff_t>(along_.size());
    parallel_ranges(values / count_, kExamplesPerPiece, [&](Index begin, Index end) {
      for (Index i = begin * count_; i < end * count_; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const double size = problems_[static_cast<std::size_t>(i % count_)].size;
        there_.margins[at] = here_.margins[at] + static_cast<T>(size) * along_[at];
      }
    });
    MeasureLosses(there_);
    bool all = true;
    for (std::size_t k = 0; k < problems_.size(); ++k) {
      Problem& problem = problems_[k];
      if (problem.size != 0.0 && !Descends(problem, here_.losses[k], there_.losses[k])) {
        problem.done = problem.done || halvings >= kHalvings;
        problem.size = halvings >= kHalvings ? 0.0 : 0.5 * problem.size;
        all = false;
      }
    }
    if (all) {
      return;
    }
  }
}

template <typename T>
void LogisticRegressions<T>::Move() {
  std::swap(here_, there_);
  std::swap(gradient_, last_gradient_);
  Change& change = changes_[static_cast<std::size_t>(steps_ % kHistory)];
  parallel_for(count_, [&](Index k) {
    const double size = problems_[static_cast<std::size_t>(k)].size;
    const Index at = k * features_;
    std::transform(direction_.data() + at, direction_.data() + at + features_, change.w.data() + at,
                   [size](double v) { return size * v; });
    AddTo(w_.data() + at, 1.0, change.w.data() + at, features_);
  });
  MeasureGradients();
  change.inverse.assign(problems_.size(), 0.0);
  parallel_for(count_, [&](Index k) {
    const Index at = k * features_;
    std::transform(gradient_.data() + at, gradient_.data() + at + features_, last_gradient_.data() + at,
                   change.gradient.data() + at, std::minus<>());
    const double product = Dot(change.w.data() + at, change.gradient.data() + at, features_);
    change.inverse[static_cast<std::size_t>(k)] = product > 0.0 ? 1.0 / product : 0.0;
  });
  ++steps_;
}

template <typename T>
int LogisticRegressions<T>::Fit(std::span<const double> c, double tolerance) {
  if (c.size() != problems_.size()) {
    throw nn::Error(fmt::format("logistic regressions: {} values of C for {} problems", c.size(), problems_.size()));
  }
  for (std::size_t k = 0; k < c.size(); ++k) {
    problems_[k].c = c[k];
    problems_[k].done = false;
  }
  steps_ = 0;
  Multiply(w_, here_.margins);
  MeasureLosses(here_);
  MeasureGradients();
  while (!EndProblems(tolerance) && steps_ < kMostSteps) {
    parallel_for(count_, [&](Index k) { Direct(k); });
    Multiply(direction_, along_);
    MeasureCurvatures();
    Search();
    Move();
  }
  return steps_;
}

template class LogisticRegressions<float>;
template class LogisticRegressions<double>;

}  // namespace normlab
