#include "experiments/draw/noise.h"

#include <algorithm>
#include <array>

#include "base/rng.h"
#include "nn/kernels/normal.h"

namespace normlab {
namespace {

// Numbers made at a time: enough for whole vectors, few enough for the stack.
constexpr nn::Index kBlock = 512;

}  // namespace

template <typename T>
nn::BasicVar<T> GlimpseNoise::At(nn::BasicTape<T>& tape, nn::Index glimpse, nn::Index rows, nn::Index cols) const {
  Rng rng(seed_, purpose_, first_stream_ + static_cast<std::uint64_t>(glimpse));
  T* values = tape.scratch(rows * cols);
  std::array<std::uint32_t, kBlock> bits;
  std::array<float, kBlock> normals;
  for (nn::Index begin = 0; begin < rows * cols; begin += kBlock) {
    rng.Next32(bits);
    nn::kernels::normals_from_bits(kBlock, bits.data(), normals.data());
    std::copy_n(normals.begin(), std::min(kBlock, rows * cols - begin), values + begin);
  }
  return tape.input("noise", values, rows, cols);
}

template nn::Var GlimpseNoise::At(nn::Tape&, nn::Index, nn::Index, nn::Index) const;
template nn::BasicVar<double> GlimpseNoise::At(nn::BasicTape<double>&, nn::Index, nn::Index, nn::Index) const;

}  // namespace normlab
