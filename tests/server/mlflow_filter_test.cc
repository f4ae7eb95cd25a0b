// MLflow's language for searches: what it says of runs, and what it says of mistakes.
#include "server/mlflow/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace normlab::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A run of these values.
Value Lookup(const Subject& subject) {
  static const std::map<std::pair<Subject::Of, std::string>, Value> kRun = {
      {{Subject::Of::kMetric, "loss"}, 0.25},
      {{Subject::Of::kMetric, "nan"}, std::nan("")},
      {{Subject::Of::kMetric, "val/acc"}, 0.9},
      {{Subject::Of::kMetric, "my metric"}, -2.0},
      {{Subject::Of::kParam, "lr"}, std::string("0.1")},
      {{Subject::Of::kParam, "it's"}, std::string("a 'quoted' text")},
      {{Subject::Of::kTag, "mlflow.user"}, std::string("Ada")},
      {{Subject::Of::kAttribute, "status"}, std::string("FINISHED")},
      {{Subject::Of::kAttribute, "run_name"}, std::string("a_b")},
      {{Subject::Of::kAttribute, "start_time"}, 1000.0}};
  const auto found = kRun.find({subject.of, subject.key});
  return found == kRun.end() ? Value() : found->second;
}

bool Finds(std::string_view filter) {
  const auto clauses = ParseFilter(filter, RunAttributes(), "filter");
  EXPECT_TRUE(clauses.ok()) << filter << ": " << clauses.status();
  return clauses.ok() && Matches(*clauses, Lookup);
}

std::string Mistake(std::string_view filter) {
  const auto clauses = ParseFilter(filter, RunAttributes(), "filter");
  EXPECT_EQ(clauses.status().code(), absl::StatusCode::kInvalidArgument) << filter;
  return std::string(clauses.status().message());
}

TEST(MlflowFilterTest, NumbersAreCompared) {
  for (const char* filter : {"", "  ", "metrics.loss = 0.25", "metrics.loss == 25e-2", "metrics.loss<0.3",
                             "metric.loss <= .25", "metrics.loss > -1", "metrics.loss >= 0.25", "metrics.loss != 0.3",
                             "attributes.start_time = 1000", "start_time > 999", "created < 1001",
                             "metrics.`my metric` < 0", "metrics.\"my metric\" = -2", "metrics.val/acc > 0.8"}) {
    EXPECT_TRUE(Finds(filter)) << filter;
  }
  for (const char* filter : {"metrics.loss = 0.26", "metrics.loss < 0.25", "metrics.loss > 0.25",
                             "metrics.loss >= 0.26", "metrics.loss <= 0.24", "metrics.loss != 0.25", "metrics.nan < 1",
                             "metrics.nan >= 0", "metrics.nan = 0", "start_time != 1000"}) {
    EXPECT_FALSE(Finds(filter)) << filter;
  }
}

TEST(MlflowFilterTest, TextsAreCompared) {
  for (const char* filter :
       {"params.lr = '0.1'", "params.lr = \"0.1\"", "parameters.lr != '0.2'", "tags.mlflow.user = 'Ada'",
        "tag.`mlflow.user` LIKE 'A%'", "tags.mlflow.user ilike 'ada'", "tags.mlflow.user LIKE '_da'",
        "status = 'FINISHED'", "attributes.status IN ('FAILED', 'FINISHED')", "params.lr NOT IN ('1','2')",
        "run.run_name = 'a_b'"}) {
    EXPECT_TRUE(Finds(filter)) << filter;
  }
  EXPECT_TRUE(Finds("params.\"it's\" = 'a ''quoted'' text'"));
  EXPECT_TRUE(Finds("params.\"it's\" LIKE '%quot%ed%text'"));
  EXPECT_TRUE(Finds("run_name LIKE '%'"));
  EXPECT_TRUE(Finds("attributes.`Run name` = 'a_b'"));
  for (const char* filter :
       {"params.lr = '0.10'", "params.lr != '0.1'", "tags.mlflow.user LIKE 'a%'", "tags.mlflow.user LIKE 'Ad'",
        "tags.mlflow.user LIKE 'Ada_'", "status IN ('FAILED')", "status NOT IN ('FINISHED')",
        "tags.mlflow.user ILIKE 'b%'", "run_name LIKE '%c'", "run_name LIKE ''"}) {
    EXPECT_FALSE(Finds(filter)) << filter;
  }
}

TEST(MlflowFilterTest, WhatARunDoesNotHaveMatchesNothingButNull) {
  for (const char* what : {"metrics.none", "attributes.end_time"}) {
    for (const char* op : {"= 0", "!= 0", "< 1e9", "> -1e9", "IS NOT NULL"}) {
      EXPECT_FALSE(Finds(std::string(what) + " " + op)) << what << op;
    }
    EXPECT_TRUE(Finds(std::string(what) + " IS NULL"));
  }
  for (const char* op : {"= ''", "!= 'x'", "LIKE '%'", "NOT IN ('x')"}) {
    EXPECT_FALSE(Finds(std::string("params.none ") + op)) << op;
  }
  EXPECT_TRUE(Finds("params.lr is not null and tags.none is null"));
  EXPECT_FALSE(Finds("params.lr IS NULL"));
}

TEST(MlflowFilterTest, EveryClauseMustHold) {
  EXPECT_TRUE(Finds("metrics.loss < 1 and params.lr = '0.1' AND status = 'FINISHED'"));
  EXPECT_FALSE(Finds("metrics.loss < 1 and params.lr = '0.2' AND status = 'FINISHED'"));
  EXPECT_FALSE(Finds("metrics.loss > 1 and params.lr = '0.1'"));
  EXPECT_FALSE(Finds("params.lr = '0.1' and metrics.loss > 1"));
}

TEST(MlflowFilterTest, AMistakeSaysWhatWasFoundAndWhatWasExpected) {
  EXPECT_THAT(Mistake("metrics.loss ="), testing::AllOf(HasSubstr("filter"), HasSubstr("end"), HasSubstr("number")));
  EXPECT_THAT(Mistake("metrics.loss < 'x'"), testing::AllOf(HasSubstr("x"), HasSubstr("number")));
  EXPECT_THAT(Mistake("metrics.loss < 1x"), testing::AllOf(HasSubstr("1x"), HasSubstr("number")));
  EXPECT_THAT(Mistake("metrics.loss LIKE 'x'"), HasSubstr("before a number"));
  EXPECT_THAT(Mistake("params.lr > '1'"), HasSubstr("before a text"));
  EXPECT_THAT(Mistake("params.lr = 1"), testing::AllOf(HasSubstr("has 1"), HasSubstr("quotes")));
  EXPECT_THAT(Mistake("params.lr = 'a"), HasSubstr("not closed"));
  EXPECT_THAT(Mistake("params.lr IN 'a'"), HasSubstr("list"));
  EXPECT_THAT(Mistake("params.lr IN ('a' 'b')"), HasSubstr("comma"));
  EXPECT_THAT(Mistake("params.lr IN ("), HasSubstr("end"));
  EXPECT_THAT(Mistake("metrics.loss < 1 or params.lr = 'x'"), testing::AllOf(HasSubstr("has or"), HasSubstr("and")));
  EXPECT_THAT(Mistake("metrics.loss < 1 and"), HasSubstr("clause"));
  EXPECT_THAT(Mistake("loss < 1"),
              testing::AllOf(HasSubstr("has loss"), HasSubstr("metrics.NAME"), HasSubstr("start_time")));
  EXPECT_THAT(Mistake("datasets.name = 'x'"), HasSubstr("metrics.NAME"));
  EXPECT_THAT(Mistake("metrics. < 1"), HasSubstr("metrics.NAME"));
  EXPECT_THAT(Mistake("metrics.loss"), HasSubstr("IS NOT NULL"));
  EXPECT_THAT(Mistake("metrics.loss not 1"), HasSubstr("IS NOT NULL"));
  EXPECT_THAT(Mistake(")"), HasSubstr("has )"));
}

// LIKE with many wildcards ends in a moment and not after 2^n tries: this pattern would take years.
TEST(MlflowFilterTest, ManyWildcardsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) {
    pattern += "%a";
  }
  const auto clauses = ParseFilter("params.x LIKE '" + pattern + "b'", RunAttributes(), "filter");
  ASSERT_TRUE(clauses.ok());
  EXPECT_FALSE(Matches(clauses->front(), Value(std::string(400, 'a'))));
}

TEST(MlflowFilterTest, OrdersHaveADirection) {
  const auto order = [](std::string_view text) { return ParseOrder(text, RunAttributes(), "order_by[0]"); };
  EXPECT_FALSE(order("metrics.loss")->descending);
  EXPECT_FALSE(order("metrics.loss ASC")->descending);
  EXPECT_TRUE(order("metrics.`my loss` desc")->descending);
  EXPECT_EQ(order("metrics.`my loss` desc")->subject.key, "my loss");
  EXPECT_EQ(order("attribute.Created DESC")->subject.key, "start_time");
  for (const char* wrong : {"", "metrics.loss UP", "metrics.loss DESC ASC", "loss DESC"}) {
    EXPECT_THAT(std::string(order(wrong).status().message()), HasSubstr("order_by[0]")) << wrong;
  }
}

TEST(MlflowFilterTest, NanAndNothingAreLastInBothDirections) {
  for (const bool descending : {false, true}) {
    std::vector<Value> values = {Value(), std::nan(""), 2.0, -1.0, 7.0};
    std::sort(values.begin(), values.end(),
              [descending](const Value& a, const Value& b) { return Compare(a, b, descending) < 0; });
    const auto number = [&values](std::size_t i) { return std::get<double>(values[i]); };
    EXPECT_THAT((std::vector{number(0), number(1), number(2)}),
                descending ? ElementsAre(7, 2, -1) : ElementsAre(-1, 2, 7));
    EXPECT_TRUE(std::isnan(number(3)));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(values[4]));
  }
  EXPECT_LT(Compare(std::string("a"), std::string("b"), false), 0);
  EXPECT_GT(Compare(std::string("a"), std::string("b"), true), 0);
  EXPECT_EQ(Compare(1.0, 1.0, true), 0);
}

TEST(MlflowFilterTest, MetricsAreReadWhereTheyAreNeeded) {
  const auto clauses = ParseFilter("params.lr = '1'", RunAttributes(), "f");
  EXPECT_FALSE(NeedMetrics(*clauses, {}));
  EXPECT_TRUE(NeedMetrics(*ParseFilter("params.lr = '1' and metrics.a > 0", RunAttributes(), "f"), {}));
  EXPECT_TRUE(NeedMetrics(*clauses, {*ParseOrder("metrics.a", RunAttributes(), "f")}));
}

}  // namespace
}  // namespace normlab::server
