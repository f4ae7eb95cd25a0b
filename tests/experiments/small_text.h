// small_text.h - a text for skip-thoughts that has something to learn: made of words by number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "experiments/skip_thoughts/training.h"

namespace normlab {

// Sentences of 1 to 7 words that stay with a subject for some sentences, of `words` numbers; the last tenth is held out. With
// labelled sentences of two kinds ("mr", 120 of them) and pairs (80, 40 and 40) that are related by the words they share.
SkipThoughtsData SmallText(std::size_t sentences, std::size_t words);

}  // namespace normlab
