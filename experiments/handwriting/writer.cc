#include "experiments/handwriting/writer.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/rng.h"
#include "nn/ops/domain/mixture.h"

namespace normlab {
namespace {

using PenPoint3 = std::array<float, 3>;  // dx, dy, end

// The pen's side of the network: one point in, the next point's distribution out.
class Hand {
 public:
  // `text` must outlive it.
  Hand(HandwritingNetwork& network, const std::vector<std::uint8_t>& text)
      : network_(network),
        text_(text),
        begin_{0, static_cast<nn::Index>(text.size())},
        state_(network.zero_state(tape_, 1)) {}

  // The distribution of the point after `point`: a column of the network's outputs.
  std::span<const float> Move(const PenPoint3& point) {
    const nn::Var x = tape_.input("pen", tape_.copy(point.data(), 3), 3, 1);
    const nn::WindowTexts texts{
        .symbols = text_.data(), .begin = begin_.data(), .alphabet = network_.shape().alphabet, .batch = 1};
    const nn::Var y = network_.step(x, texts, {nn::Mode::kEvaluate, time_++}, state_);
    return {y.data(), static_cast<std::size_t>(y.rows())};
  }

  // How the window looked at each character in the last move, and last at the place behind the text.
  std::vector<float> Look() const {
    std::vector<float> phi(text_.size() + 1);
    const auto count = static_cast<std::size_t>(state_.window.kappa.rows());
    nn::window_weights({state_.window_sums.data(), 3 * count}, {state_.window.kappa.data(), count}, phi);
    return phi;
  }

 private:
  HandwritingNetwork& network_;
  const std::vector<std::uint8_t>& text_;
  std::array<nn::Index, 2> begin_;
  nn::Tape tape_{nn::Recording::kOff};  // holds the whole line: states are its Vars
  HandwritingNetwork::State state_;
  nn::Index time_ = 0;
};

// Graves' rule: the text is done when the window looks at the place behind it more than at any of its characters.
bool LooksBehindTheText(const std::vector<float>& phi) {
  return phi.back() > *std::max_element(phi.begin(), phi.end() - 1);
}

}  // namespace

WrittenLine Write(HandwritingNetwork& network, const std::vector<std::uint8_t>& text, const WriteOptions& options) {
  std::vector<std::uint8_t> whole;
  if (options.prime != nullptr) {
    whole = options.prime->text;
    whole.push_back(options.space);
  }
  const auto primed = static_cast<std::ptrdiff_t>(whole.size());
  whole.insert(whole.end(), text.begin(), text.end());

  Hand hand(network, whole);
  PenPoint3 point = {0.0f, 0.0f, 0.0f};
  if (options.prime != nullptr) {
    for (const data::PenStep& step : options.prime->steps) {
      hand.Move(point);
      point = {step.dx, step.dy, step.end};
    }
  }
  WrittenLine line;
  line.characters = static_cast<std::int64_t>(text.size());
  Rng rng(options.seed, "write");
  while (static_cast<std::int64_t>(line.steps.size()) < options.max_steps && !line.finished) {
    const std::span<const float> next = hand.Move(point);
    const std::vector<float> phi = hand.Look();
    line.finished = LooksBehindTheText(phi);
    if (!line.finished) {
      point = nn::sample_mixture(next, options.bias, network.shape().limits, rng);
      line.steps.push_back({point[0], point[1], point[2]});
      line.alignment.insert(line.alignment.end(), phi.begin() + primed, phi.end() - 1);
    }
  }
  return line;
}

}  // namespace normlab
