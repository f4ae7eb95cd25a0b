// filter.h - MLflow's language for searches: "metrics.loss < 0.5 and params.lr = '0.1'", and orders: "metrics.loss DESC".
//
// Clauses are joined by `and`. Of numbers there are = != > >= < <=, of text = != LIKE ILIKE IN, NOT IN, of either IS NULL and
// IS NOT NULL. What a run does not have matches nothing but IS NULL.
//
// Thread safety: free functions, any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace normlab::server {

// What a clause or an order speaks of.
struct Subject {
  enum class Of { kAttribute, kMetric, kParam, kTag };
  Of of = Of::kAttribute;
  std::string key;  // attributes under their first name: "run_name"

  bool operator==(const Subject&) const = default;
};

struct Clause {
  enum class Op {
    kEqual,
    kNotEqual,
    kGreater,
    kAtLeast,
    kLess,
    kAtMost,
    kLike,
    kILike,
    kIn,
    kNotIn,
    kIsNull,
    kIsNotNull
  };
  Subject subject;
  Op op = Op::kEqual;
  double number = 0;               // of metrics and times
  std::vector<std::string> texts;  // of all others: one, or those of IN
};

struct Order {
  Subject subject;
  bool descending = false;
};

// Attributes by every name they have ("status", "Created"), and whether they are numbers.
struct Attribute {
  std::string_view name;
  std::vector<std::string_view> others;
  bool is_number = false;
};
using Attributes = std::vector<Attribute>;
const Attributes& RunAttributes();
const Attributes& ExperimentAttributes();
const Attributes& ModelAttributes();

// kInvalidArgument, at `field`, says what was found and what was expected.
absl::StatusOr<std::vector<Clause>> ParseFilter(std::string_view text, const Attributes& attributes,
                                                std::string_view field);
absl::StatusOr<Order> ParseOrder(std::string_view text, const Attributes& attributes, std::string_view field);

// A number, a text, or nothing.
using Value = std::variant<std::monostate, double, std::string>;
using Lookup = std::function<Value(const Subject&)>;

bool Matches(const Clause& clause, const Value& value);
bool Matches(const std::vector<Clause>& clauses, const Lookup& lookup);
// Whether `a` stands before `b`: <0, after: >0, neither: 0. NaN stands after numbers and nothing after all, whatever the
// direction.
int Compare(const Value& a, const Value& b, bool descending);
// By the first of `orders` that tells two things apart; `find` gives what both have of a Subject, as a pair of Values.
template <typename Find>
int CompareBy(const std::vector<Order>& orders, const Find& find) {
  for (const Order& order : orders) {
    const auto [a, b] = find(order.subject);
    if (const int less = Compare(a, b, order.descending); less != 0) {
      return less;
    }
  }
  return 0;
}

// Whether one of them speaks of metrics.
bool NeedMetrics(const std::vector<Clause>& clauses, const std::vector<Order>& orders);

}  // namespace normlab::server
