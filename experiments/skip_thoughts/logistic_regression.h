// logistic_regression.h - L2-regularised logistic regressions over parts of one set of examples, all at once: the folds of a
// cross-validation.
//
//   minimise over w:   |w|^2 / 2 + C sum over the examples of the part of log(1 + exp(-y w.x)),   y = -1 or 1
//
// as LIBLINEAR has it, and scikit-learn's LogisticRegression with it, whose intercept is the weight of one more feature that is
// always 1.
//
// By L-BFGS (Liu and Nocedal 1989), whose steps along a direction begin with Newton's. The problems take their steps side by side,
// so that the two products of a step, X p and X^T u, are of matrices. Products are of type T, the type of the examples; all
// else is double. Any number of threads gives the same bits.
//
// Threads: one drives it. Errors: nn::Error for sizes that do not fit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/aligned_array.h"

namespace normlab {

template <typename T>
class LogisticRegressions {
 public:
  // x: an example of `features` values after the other, borrowed; a label 0 or 1 for each example, borrowed. parts: for each
  // example, whether it counts in problem 0, 1, ...
  LogisticRegressions(std::span<const T> x, nn::Index features, std::span<const std::uint8_t> labels,
                      std::vector<std::uint8_t> parts, nn::Index problems);

  // Minimises each problem with its C > 0, from where the last call ended; at first from 0. Ends where a gradient is `tolerance`
  // times as long as it was at 0, or as near as T comes. Returns the steps taken.
  int Fit(std::span<const double> c, double tolerance = 1e-4);

  // Of the last fit: w, `features` values of one problem after the other.
  const std::vector<double>& weights() const { return w_; }
  // w.x, for each example those of all problems: above 0 the example is taken for a 1.
  const std::vector<T>& margins() const { return here_.margins; }

 private:
  // What the examples say at some w, for each example of all problems.
  struct Point {
    std::vector<T> margins, u;   // w.x, and its loss's derivative: p(1) - label, or 0 if the example does not count
    std::vector<double> losses;  // by problem, summed, without C
  };
  struct Problem {
    double c = 0.0;
    double start = 0.0;                              // length of the gradient at w = 0, without C
    double square = 0.0, crossed = 0.0, step = 0.0;  // |w|^2, w.p and |p|^2
    double slope = 0.0, curvature = 0.0;  // of the objective along p, the latter's part of the losses without C
    double size = 0.0;                    // of the step along p
    bool done = false;
  };
  // What a step changed; what it multiplies is 0 where a problem took none.
  struct Change {
    std::vector<double> w, gradient;
    std::vector<double> inverse;  // by problem: 1 / (w . gradient)
  };

  void Multiply(const std::vector<double>& weights, std::vector<T>& margins);
  void MeasureLosses(Point& point);
  void MeasureGradients();
  bool EndProblems(double tolerance);
  void Direct(nn::Index k);
  void MeasureCurvatures();
  void Search();
  static double Slack(const Problem& problem, double loss);
  static bool Descends(const Problem& problem, double loss, double trial_loss);
  void Move();
  // Sums over the examples for each problem: add(example, sums) in pieces that do not depend on the threads.
  template <typename Add>
  void SumOverExamples(std::vector<double>& sums, Add add);

  nn::Index features_, examples_, count_;
  std::span<const T> x_;
  std::span<const std::uint8_t> labels_;
  std::vector<std::uint8_t> parts_;
  std::vector<Problem> problems_;
  std::vector<double> w_, gradient_, last_gradient_, direction_;
  Point here_, there_;
  std::vector<T> along_;     // p.x
  std::vector<T> products_;  // what matrices are multiplied with, or give
  std::vector<double> pieces_;
  std::vector<Change> changes_;  // the newest is changes_[(steps_ - 1) % size]
  int steps_ = 0;
};

extern template class LogisticRegressions<float>;
extern template class LogisticRegressions<double>;

}  // namespace normlab
