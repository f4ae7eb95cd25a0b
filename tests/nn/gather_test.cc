// Embeddings: the columns, their gradients, and that a step costs what it touches and leaves nothing to the next.
#include "nn/ops/gather.h"

#include <gmock/gmock.h>

#include <cmath>

#include "nn/error.h"
#include "nn/ops/elementwise.h"
#include "nn/ops/linear.h"
#include "nn/ops/linear_cross_entropy.h"
#include "nn/ops/reshape.h"
#include "nn/optim/optimizer.h"
#include "tests/nn/float_testing.h"
#include "tests/nn/primitive_ops.h"

namespace normlab::nn {
namespace {

using DTape = BasicTape<double>;
using DVar = BasicVar<double>;
using Ids = std::vector<std::int32_t>;

// The same by a dense linear map.
DVar dense_gather(DVar table, const Ids& ids) {
  const Index rows = table.rows();
  const auto n = static_cast<Index>(ids.size());
  const std::int32_t* kept = table.tape().copy(ids.data(), n);
  return primitive::gather("dense_gather", table, rows, n, 1.0, [rows, n, kept](auto visit) {
    for (Index i = 0; i < n * rows; ++i) {
      visit(i, kept[i / rows] * rows + i % rows);
    }
  });
}

TEST(Gather, TakesColumns) {
  Inputs in;
  in.normal("table", 3, 5);
  DTape tape;
  const DVar table = in.on(tape, "table"), y = gather(table, Ids{4, 0, 4});
  EXPECT_EQ(y.cols(), 3);
  for (Index i = 0; i < 3; ++i) {
    EXPECT_EQ(y.data()[i], table.data()[12 + i]);
    EXPECT_EQ(y.data()[3 + i], table.data()[i]);
    EXPECT_EQ(y.data()[6 + i], table.data()[12 + i]);
  }
}

TEST(Gather, GradientsAreRight) {
  Inputs in;
  in.normal("table", 3, 7);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar table = in.on(t, "table");
    return gather(table, Ids{1, 5, 1, 1}) * gather(in.on(t, "table"), Ids{5, 6, 1, 0});
  }));
}

// A table that is computed, or seen under another shape, has no columns in the store.
TEST(Gather, FromWhatIsNoParameter) {
  Inputs in;
  in.normal("table", 3, 8);
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) {
    const DVar table = in.on(t, "table");
    return gather(table * table, Ids{2, 2}) + gather(reshape(table, 3, 8), Ids{2, 7});
  }));
  EXPECT_TRUE(GradientIsRight(in, [&](DTape& t) { return gather(reshape(in.on(t, "table"), 6, 4), Ids{3, 1, 3}); }));
}

TEST(Gather, FloatIsRight) {
  Inputs in;
  in.normal("table", 310, 50);
  Ids ids;
  for (std::int32_t i = 0; i < 400; ++i) {
    ids.push_back(i * i % 50);
  }
  ExpectFloatIsRight(
      in, [&](auto on) { return gather(on("table"), std::span<const std::int32_t>(ids)); }, 3e-6);
}

// Losses of three words a step, by Adam: words come back, stay away, and are the output's weights too in every third
// step, before or after.
template <typename Gather>
std::vector<double> train(Gather gather_of, bool tied) {
  BasicParameterStore<double> store(1);
  BasicParameter<double>& table = store.add("table", {20, 4}, init::uniform(1.0));
  BasicOptimizer<double> adam(store, {.learning_rate = 0.1}, {});
  DTape tape;
  for (std::uint64_t update = 0; update < 12; ++update) {
    const auto u = static_cast<std::int32_t>(update);
    const Ids ids = {u % 5, 3 * u % 20, u % 5};
    tape.reset();
    const DVar words = tape.parameter(table), x = gather_of(words, ids);
    DVar loss = sum(x * x * x);
    if (tied && update % 3 == 1) {
      loss = loss + linear_cross_entropy(words, {}, x, std::span(std::as_const(ids)));
    } else if (tied && update % 3 == 2) {
      loss = linear_cross_entropy(tape.parameter(table), {}, x, std::span(std::as_const(ids))) +
             sum(gather_of(words, {7, 7}));
    }
    tape.backward(loss);
    adam.step(update);
  }
  return {table.value(), table.value() + table.size()};
}

TEST(Gather, TrainsAsTheDenseMapDoes) {
  for (const bool tied : {false, true}) {
    const auto sparse = train([](DVar table, const Ids& ids) { return gather(table, std::span(ids)); }, tied);
    const auto dense = train([](DVar table, const Ids& ids) { return dense_gather(table, ids); }, tied);
    for (std::size_t i = 0; i < dense.size(); ++i) {
      EXPECT_NEAR(sparse[i], dense[i], 1e-12) << (tied ? "tied, at " : "at ") << i;
    }
  }
}

// What stands in the memory of a word that no step looks up is never written: a step costs what it touches.
TEST(Gather, WritesOnlyTheColumnsLookedUp) {
  ParameterStore store(1);
  Parameter& table = store.add("table", {6, 2}, init::constant(1.0));
  Tape tape;
  const auto step = [&](const Ids& ids) {
    tape.reset();
    store.clear_gradients();
    tape.backward(sum(gather(tape.parameter(table), std::span(ids))));
    return std::vector<float>(table.gradient(), table.gradient() + table.size());
  };
  EXPECT_EQ(step({1, 3, 1}), (std::vector<float>{0, 0, 2, 2, 0, 0, 1, 1, 0, 0, 0, 0}));
  table.gradient_memory()[10] = 42.0f;
  EXPECT_EQ(step({4}), (std::vector<float>{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 42, 0}));
  table.gradient_memory()[2] = 43.0f;
  EXPECT_EQ(step({0}), (std::vector<float>{1, 1, 43, 0, 0, 0, 0, 0, 0, 0, 42, 0})) << "looked up long ago";
  store.clear_gradients();
  EXPECT_EQ(table.gradient()[0], 0.0f) << "no word at all";
  EXPECT_EQ(table.gradient()[10], 42.0f);
}

TEST(Gather, ErrorsNameTheId) {
  Inputs in;
  in.normal("table", 3, 5);
  const auto expect = [&](const std::string& message, const Ids& ids) {
    DTape tape;
    try {
      gather(in.on(tape, "table"), std::span(ids));
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::StartsWith(message));
    }
  };
  expect("gather: id 5 at 1; expected 0 to 4, a column of 'table' (3 x 5)", {4, 5});
  expect("gather: id -1 at 0; expected 0 to 4", {-1});
  expect("gather: no ids for 'table' (3 x 5)", {});
}

}  // namespace
}  // namespace normlab::nn
