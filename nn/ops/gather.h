// gather.h - columns of a table by number: embeddings of words.
#pragma once

#include <cstdint>
#include <span>

#include "nn/tape.h"

namespace normlab::nn {

// Column i of the result is column ids[i] of the table: F x n. table: F x words, as a parameter [words x F] is; ids in
// [0, words), copied. Of the table's gradient only the columns looked up are written, and cleared before the next step
// (BasicVar::grad_columns); what comes to one column more than once is added in the order of ids. Optimizers go over the
// whole table as over any parameter.
template <typename T>
BasicVar<T> gather(BasicVar<T> table, std::span<const std::int32_t> ids);

}  // namespace normlab::nn
