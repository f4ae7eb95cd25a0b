#include "nn/ops/gather.h"

#include <fmt/format.h>

#include <algorithm>

#include "nn/error.h"
#include "nn/ops/pointwise.h"

namespace normlab::nn {
namespace {

template <typename T>
void require_ids(BasicVar<T> table, std::span<const std::int32_t> ids) {
  if (ids.empty()) {
    throw Error(fmt::format("gather: no ids for '{}' ({} x {}); expected at least one", table.label(), table.rows(),
                            table.cols()));
  }
  const auto wrong = std::find_if(ids.begin(), ids.end(), [&](auto id) { return id < 0 || id >= table.cols(); });
  if (wrong != ids.end()) {
    throw Error(fmt::format("gather: id {} at {}; expected 0 to {}, a column of '{}' ({} x {})", *wrong,
                            wrong - ids.begin(), table.cols() - 1, table.label(), table.rows(), table.cols()));
  }
}

// Adds the columns dy to those of dtable that they were taken from. A piece has the ids with one remainder, so that each
// column of the table belongs to one piece, which adds in the order of ids.
template <typename T>
void scatter(std::span<const std::int32_t> ids, Index rows, const T* dy, T* dtable) {
  constexpr Index kMostPieces = 16;
  const auto n = static_cast<Index>(ids.size());
  const Index pieces = std::clamp(n * rows / kPointwiseGrain, Index{1}, kMostPieces);
  parallel_for(pieces, [=](Index piece) {
    for (Index i = 0; i < n; ++i) {
      const Index id = ids[static_cast<std::size_t>(i)];
      if (id % pieces == piece) {
        T* const to = dtable + id * rows;
        const T* const from = dy + i * rows;
        for (Index k = 0; k < rows; ++k) {
          to[k] += from[k];
        }
      }
    }
  });
}

}  // namespace

// dtable_w = the sum of the columns of dy that came from w.
template <typename T>
BasicVar<T> gather(BasicVar<T> table, std::span<const std::int32_t> ids) {
  require_ids(table, ids);
  BasicTape<T>& tape = table.tape();
  const Index rows = table.rows(), n = static_cast<Index>(ids.size());
  const BasicVar<T> y = tape.result("gather", rows, n, {table});
  const std::span<const std::int32_t> kept(tape.copy(ids.data(), n), ids.size());
  parallel_ranges(n, columns_per_piece(rows), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      std::copy_n(table.data() + kept[static_cast<std::size_t>(i)] * rows, rows, y.mutable_data() + i * rows);
    }
  });
  tape.on_backward({y}, [table, y, kept] { scatter(kept, table.rows(), y.grad(), table.grad_columns(kept)); });
  return y;
}

template BasicVar<float> gather(BasicVar<float>, std::span<const std::int32_t>);
template BasicVar<double> gather(BasicVar<double>, std::span<const std::int32_t>);

}  // namespace normlab::nn
