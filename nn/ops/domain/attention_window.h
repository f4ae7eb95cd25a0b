// attention_window.h - the soft window over a text that lets a network write it character by character (Graves 2013,
// section 5.1).
//
// For each example, with K Gaussians and characters u = 1 .. U:
//   alpha = exp(a^)   beta = exp(b^)   kappa_t = kappa_{t-1} + exp(k^)            each K x B
//   phi(u) = sum_k alpha_k exp(-beta_k (kappa_k - u)^2)
//   w_t    = sum_u phi(u) onehot(c_u)                                            A x B
// where (a^, b^, k^) are the rows of `sums`, 3K x B. The window only moves forward, by exp(k^) > 0.
#pragma once

#include <cstdint>
#include <span>

#include "nn/tape.h"

namespace normlab::nn {

// The texts of a batch, one after the other. Borrowed memory, which must live until the tape's reset().
struct WindowTexts {
  const std::uint8_t* symbols = nullptr;  // each in [0, alphabet)
  const Index* begin = nullptr;           // B + 1 of them: example b's text is symbols[begin[b]] .. [begin[b + 1] - 1]
  Index alphabet = 0;                     // A
  Index batch = 0;                        // B
};

template <typename T>
struct BasicWindow {
  BasicVar<T> symbols;  // w_t, A x B
  BasicVar<T> kappa;    // K x B, for the next step
};

// kappa is the window's of the step before, K x B; zeros before the first.
template <typename T>
BasicWindow<T> attention_window(BasicVar<T> sums, BasicVar<T> kappa, const WindowTexts& texts);

// phi(u) of one example for each character, from its K alphas, betas and kappas as above. For pictures.
void window_weights(std::span<const float> sums, std::span<const float> kappa, std::span<float> phi);

}  // namespace normlab::nn
