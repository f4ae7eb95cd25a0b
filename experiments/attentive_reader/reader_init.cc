#include "experiments/attentive_reader/reader_init.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace normlab {
namespace {

using nn::Fans;
using nn::Initializer;

constexpr double kReleasedScale = 0.05, kOrdinaryEmbedding = 0.1;

// U(-a, a), a = sqrt(6 / (in + out + 1)).
Initializer ReleasedUniform() {
  return [](Rng& rng, Fans fans, std::span<double> values) {
    nn::init::uniform(std::sqrt(6.0 / static_cast<double>(fans.in + fans.out + 1)))(rng, fans, values);
  };
}

// The released code seeds its generator anew for every matrix, so that all of one shape are the same one.
Initializer FromOneStream(std::uint64_t seed, Initializer one) {
  return [seed, one = std::move(one)](Rng&, Fans fans, std::span<double> values) {
    Rng rng(seed, "init/alike");
    one(rng, fans, values);
  };
}

// And so are the four gates.
Initializer FourAlike(Initializer one) {
  return [one = std::move(one)](Rng& rng, Fans fans, std::span<double> values) {
    const std::size_t size = values.size() / 4;
    one(rng, {.in = fans.in, .out = fans.out / 4}, values.first(size));
    for (std::size_t gate = 1; gate < 4; ++gate) {
      std::copy_n(values.begin(), size, values.begin() + static_cast<std::ptrdiff_t>(gate * size));
    }
  };
}

}  // namespace

ReaderInit ReaderInitOf(v1::ReaderInitKind kind, std::uint64_t seed) {
  const Initializer small = nn::init::orthogonal(kReleasedScale);
  switch (kind) {
    case v1::READER_INIT_KIND_DISTINCT:
      return {.embedding = ReleasedUniform(),
              .output = ReleasedUniform(),
              .input = small,
              .recurrent = small,
              .similarity = small,
              .attention_passage = small,
              .others = ReleasedUniform()};
    case v1::READER_INIT_KIND_ORDINARY:
      return {.embedding = nn::init::uniform(kOrdinaryEmbedding), .recurrent = nn::init::orthogonal()};
    default:
      break;
  }
  const Initializer square = FromOneStream(seed, small), other = FromOneStream(seed, ReleasedUniform());
  return {.embedding = other,
          .output = other,
          .input = FourAlike(square),
          .recurrent = FourAlike(square),
          .similarity = square,
          .attention_passage = square,
          .others = other};
}

}  // namespace normlab
