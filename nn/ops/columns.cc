#include "nn/ops/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/error.h"
#include "nn/ops/check.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

// out[i] = in[i], or += with `accumulate`.
template <typename T>
void write(Index n, const T* in, T* out, bool accumulate) {
  for (Index i = 0; i < n; ++i) {
    out[i] = accumulate ? out[i] + in[i] : in[i];
  }
}

// Gives the gradient dz of the columns b with chosen(b) to x, zeros for the others.
template <typename T, typename Chosen>
void select_backward(BasicVar<T> x, const T* dz, Chosen chosen) {
  const GradSink<T> dx = x.grad_sink();
  for (Index b = 0; dx && b < x.cols(); ++b) {
    T* column = dx.data + b * x.rows();
    if (chosen(b)) {
      write(x.rows(), dz + b * x.rows(), column, dx.accumulate);
    } else if (!dx.accumulate) {
      std::fill_n(column, x.rows(), T{0});
    }
  }
}

template <typename T>
Index count_chosen(BasicVar<T> mask) {
  return mask.cols() - std::count(mask.data(), mask.data() + mask.cols(), T{0});
}

// The columns of `in` that the mask chooses, side by side.
template <typename T>
void pack(BasicVar<T> mask, Index rows, const T* in, T* packed, bool accumulate) {
  for (Index b = 0; b < mask.cols(); ++b) {
    if (mask.data()[b] != T{0}) {
      write(rows, in + b * rows, packed, accumulate);
      packed += rows;
    }
  }
}

// The other way round, zeros for what is not chosen.
template <typename T>
void unpack(BasicVar<T> mask, Index rows, const T* packed, T* out, bool accumulate) {
  for (Index b = 0; b < mask.cols(); ++b) {
    if (mask.data()[b] != T{0}) {
      write(rows, packed, out + b * rows, accumulate);
      packed += rows;
    } else if (!accumulate) {
      std::fill_n(out + b * rows, rows, T{0});
    }
  }
}

// Column k * width + b of `in`, for blocks of `width` columns, to column b * blocks + k of `out`.
template <typename T>
void interleave(Index rows, Index blocks, Index width, const T* in, T* out, bool accumulate) {
  parallel_ranges(width, columns_per_piece(rows * blocks), [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      for (Index k = 0; k < blocks; ++k) {
        write(rows, in + (k * width + b) * rows, out + (b * blocks + k) * rows, accumulate);
      }
    }
  });
}

// Its own way back, with the number of blocks and their width exchanged.
template <typename T>
BasicVar<T> interleave(const char* op, BasicVar<T> x, Index blocks, Index width) {
  const BasicVar<T> y = x.tape().result(op, x.rows(), x.cols(), {x});
  interleave(x.rows(), blocks, width, x.data(), y.mutable_data(), false);
  x.tape().on_backward({y}, [x, y, blocks, width] {
    if (const GradSink<T> dx = x.grad_sink()) {
      interleave(x.rows(), width, blocks, y.grad(), dx.data, dx.accumulate);
    }
  });
  return y;
}

template <typename T>
Index examples(const char* op, BasicVar<T> x, Index steps) {
  if (steps < 1 || x.cols() % steps != 0) {
    throw Error(fmt::format("{}: '{}' is {} x {}; expected columns that {} steps share evenly", op, x.label(), x.rows(),
                            x.cols(), steps));
  }
  return x.cols() / steps;
}

}  // namespace

template <typename T>
BasicVar<T> to_batch_major(BasicVar<T> x, Index steps) {
  return interleave("to_batch_major", x, steps, examples("to_batch_major", x, steps));
}

template <typename T>
BasicVar<T> to_time_major(BasicVar<T> x, Index steps) {
  return interleave("to_time_major", x, examples("to_time_major", x, steps), steps);
}

// The gradients of the blocks lie side by side, which is x's gradient.
template <typename T>
std::span<const BasicVar<T>> split_columns(BasicVar<T> x, Index blocks) {
  if (blocks < 1 || x.cols() % blocks != 0) {
    throw Error(fmt::format("split_columns: '{}' is {} x {}; expected columns that {} blocks share evenly", x.label(),
                            x.rows(), x.cols(), blocks));
  }
  BasicTape<T>& tape = x.tape();
  const Index width = x.cols() / blocks, size = x.rows() * width;
  BasicVar<T>* parts = tape.template scratch<BasicVar<T>>(blocks);
  T* gradients = x.needs_grad() ? tape.scratch(x.size()) : nullptr;
  for (Index k = 0; k < blocks; ++k) {
    parts[k] = tape.columns_in_place("split_columns", x, k * width, width);
    if (gradients != nullptr) {
      parts[k].place_gradient(gradients + k * size);
    }
  }
  const std::span<const BasicVar<T>> result(parts, static_cast<std::size_t>(blocks));
  tape.on_backward(result, [x, gradients] { x.adopt_gradient(gradients); });
  return result;
}

// dblock is its columns of dz, and stays where they are: nothing reads dz after this.
template <typename T>
BasicVar<T> join_columns(std::span<const BasicVar<T>> blocks) {
  if (blocks.empty()) {
    throw Error("join_columns: no blocks; expected at least one");
  }
  BasicTape<T>& tape = blocks.front().tape();
  const auto count = static_cast<Index>(blocks.size());
  Index* const places = tape.template scratch<Index>(count);
  Index cols = 0;
  for (Index k = 0; k < count; ++k) {
    const BasicVar<T>& block = blocks[static_cast<std::size_t>(k)];
    require_shapes(block.rows() == blocks.front().rows(), "join_columns", blocks.front(), block, "as many rows");
    places[k] = cols * block.rows();
    cols += block.cols();
  }
  const BasicVar<T> z = tape.result("join_columns", blocks.front().rows(), cols, blocks);
  const BasicVar<T>* kept = tape.copy(blocks.data(), count);
  parallel_ranges(count, columns_per_piece(blocks.front().size()), [&](Index begin, Index end) {
    for (Index k = begin; k < end; ++k) {
      std::copy_n(kept[k].data(), kept[k].size(), z.mutable_data() + places[k]);
    }
  });
  tape.on_backward({z}, [z, kept, places, count] {
    T* dz = z.grad_sink().data;
    for (Index k = 0; k < count; ++k) {
      kept[k].adopt_gradient(dz + places[k]);
    }
  });
  return z;
}

template <typename T>
BasicVar<T> select_columns(BasicVar<T> mask, BasicVar<T> x, BasicVar<T> y) {
  require_shapes(x.rows() == y.rows() && x.cols() == y.cols(), "select_columns", x, y, "the same shape");
  require_shapes(mask.rows() == 1 && mask.cols() == x.cols(), "select_columns", mask, x, "a mask of one row, 1 x B");
  const BasicVar<T> z = x.tape().result("select_columns", x.rows(), x.cols(), {x, y});
  const T* chosen = mask.data();
  for (Index b = 0; b < x.cols(); ++b) {
    const T* from = chosen[b] != T{0} ? x.data() : y.data();
    std::copy_n(from + b * x.rows(), x.rows(), z.mutable_data() + b * x.rows());
  }
  x.tape().on_backward({z}, [chosen, x, y, z] {
    select_backward(x, z.grad(), [chosen](Index b) { return chosen[b] != T{0}; });
    select_backward(y, z.grad(), [chosen](Index b) { return chosen[b] == T{0}; });
  });
  return z;
}

template <typename T>
BasicVar<T> pack_columns(BasicVar<T> mask, BasicVar<T> x) {
  require_shapes(mask.rows() == 1 && mask.cols() == x.cols(), "pack_columns", mask, x, "a mask of one row, 1 x B");
  const Index n = count_chosen(mask);
  require_shapes(n > 0, "pack_columns", mask, x, "a mask that is not 0 somewhere");
  const BasicVar<T> z = x.tape().result("pack_columns", x.rows(), n, {x});
  pack(mask, x.rows(), x.data(), z.mutable_data(), false);
  x.tape().on_backward({z}, [mask, x, z] {
    if (const GradSink<T> dx = x.grad_sink()) {
      unpack(mask, x.rows(), z.grad(), dx.data, dx.accumulate);
    }
  });
  return z;
}

template <typename T>
BasicVar<T> unpack_columns(BasicVar<T> mask, BasicVar<T> packed) {
  require_shapes(mask.rows() == 1 && count_chosen(mask) == packed.cols(), "unpack_columns", mask, packed,
                 "a mask of one row that is not 0 for as many examples");
  const BasicVar<T> z = packed.tape().result("unpack_columns", packed.rows(), mask.cols(), {packed});
  unpack(mask, packed.rows(), packed.data(), z.mutable_data(), false);
  packed.tape().on_backward({z}, [mask, packed, z] {
    if (const GradSink<T> sink = packed.grad_sink()) {
      pack(mask, packed.rows(), z.grad(), sink.data, sink.accumulate);
    }
  });
  return z;
}

template std::span<const BasicVar<float>> split_columns(BasicVar<float>, Index);
template std::span<const BasicVar<double>> split_columns(BasicVar<double>, Index);
template BasicVar<float> join_columns(std::span<const BasicVar<float>>);
template BasicVar<double> join_columns(std::span<const BasicVar<double>>);
template BasicVar<float> to_batch_major(BasicVar<float>, Index);
template BasicVar<double> to_batch_major(BasicVar<double>, Index);
template BasicVar<float> to_time_major(BasicVar<float>, Index);
template BasicVar<double> to_time_major(BasicVar<double>, Index);
template BasicVar<float> select_columns(BasicVar<float>, BasicVar<float>, BasicVar<float>);
template BasicVar<double> select_columns(BasicVar<double>, BasicVar<double>, BasicVar<double>);
template BasicVar<float> pack_columns(BasicVar<float>, BasicVar<float>);
template BasicVar<double> pack_columns(BasicVar<double>, BasicVar<double>);
template BasicVar<float> unpack_columns(BasicVar<float>, BasicVar<float>);
template BasicVar<double> unpack_columns(BasicVar<double>, BasicVar<double>);

}  // namespace normlab::nn
