#include "nn/ops/check.h"

#include <fmt/format.h>

#include "nn/error.h"

namespace normlab::nn::internal {

void throw_shapes(const char* op, const char* label_a, Index rows_a, Index cols_a, const char* label_b, Index rows_b,
                  Index cols_b, const char* expected) {
  throw Error(fmt::format("{}: '{}' is {} x {} and '{}' is {} x {}; expected {}", op, label_a, rows_a, cols_a, label_b,
                          rows_b, cols_b, expected));
}

void throw_sequences(const char* op, const char* label, Index rows, Index cols, const SequenceLayout& layout) {
  throw Error(fmt::format("{}: '{}' is {} x {}; expected {} x {} columns, steps x sequences, at least one of each", op,
                          label, rows, cols, layout.steps, layout.batch));
}

void throw_shape(const char* op, const char* label, Index rows, Index cols, const char* expected) {
  throw Error(fmt::format("{}: '{}' is {} x {}; expected {}", op, label, rows, cols, expected));
}

void throw_images(const char* op, const char* label, Index rows, Index cols, const Image& image) {
  throw Error(fmt::format("{}: '{}' is {} x {}; expected images of {} channels on {} x {}: {} rows, and columns by {}",
                          op, label, rows, cols, image.channels, image.height, image.width, image.channels,
                          image.positions()));
}

}  // namespace normlab::nn::internal
