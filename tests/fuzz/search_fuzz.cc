// search_fuzz.cc - any text must come out of the reader of MLflow's searches as clauses, or an order, that can be asked of
// a run, or as an error.
#include "server/mlflow/filter.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace normlab;
  using namespace normlab::server;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto clauses = ParseFilter(text, RunAttributes(), "filter"); clauses.ok()) {
    for (const Value& value : {Value(), Value(0.5), Value("aaaaaaaaaaaaaaaaaaaab")}) {
      for (const Clause& clause : *clauses) {
        const bool matches = Matches(clause, value);
        const bool absent = std::holds_alternative<std::monostate>(value);
        Require(!absent || matches == (clause.op == Clause::Op::kIsNull));
      }
    }
  }
  if (const auto order = ParseOrder(text, RunAttributes(), "order_by"); order.ok()) {
    Require(Compare(Value(1.0), Value(1.0), order->descending) == 0);
  }
  return 0;
}
