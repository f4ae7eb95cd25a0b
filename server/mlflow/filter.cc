#include "server/mlflow/filter.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "server/edge/errors.h"
#include "server/http/limits.h"

namespace normlab::server {
namespace {

struct Token {
  enum class Kind { kEnd, kWord, kQuoted, kSymbol };
  Kind kind = Kind::kEnd;
  std::string text;  // a word may have quoted parts: params."my key"
};

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }
bool IsQuote(char c) { return c == '\'' || c == '"' || c == '`'; }
bool IsSymbol(char c) { return c == '=' || c == '!' || c == '<' || c == '>' || c == '(' || c == ')' || c == ','; }

// Cuts a text into tokens. A text in quotes has its quote doubled inside.
class Tokens {
 public:
  Tokens(std::string_view text, std::string_view field) : text_(text), field_(field) {}

  absl::StatusOr<Token> Next() {
    while (at_ < text_.size() && IsSpace(text_[at_])) {
      ++at_;
    }
    if (at_ == text_.size()) {
      return Token{};
    }
    if (IsSymbol(text_[at_])) {
      return Symbol();
    }
    Token token{.kind = IsQuote(text_[at_]) ? Token::Kind::kQuoted : Token::Kind::kWord, .text = ""};
    while (at_ < text_.size() && !IsSpace(text_[at_]) && !IsSymbol(text_[at_])) {
      if (IsQuote(text_[at_])) {
        NORMLAB_RETURN_IF_ERROR(Quoted(token.text));
      } else {
        token.text += text_[at_++];
      }
    }
    return token;
  }

  absl::Status Wrong(const Token& found, std::string_view expected) const {
    return BadField(
        field_, fmt::format("has {}; expected {}",
                            found.kind == Token::Kind::kEnd ? "its end too early" : OneLine(found.text, http::kMaxTold),
                            expected));
  }

 private:
  Token Symbol() {
    const std::size_t begin = at_++;
    const bool two = at_ < text_.size() && text_[at_] == '=' &&
                     std::string_view("!<>=").find(text_[begin]) != std::string_view::npos;
    at_ += two ? 1 : 0;
    std::string symbol(text_.substr(begin, at_ - begin));
    return {.kind = Token::Kind::kSymbol, .text = symbol == "==" ? "=" : symbol};
  }

  absl::Status Quoted(std::string& out) {
    const char quote = text_[at_++];
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] != quote) {
        out += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        out += text_[at_++];
      } else {
        ++at_;
        return absl::OkStatus();
      }
    }
    return BadField(field_, fmt::format("has a {} that is not closed", quote));
  }

  const std::string_view text_;
  const std::string_view field_;
  std::size_t at_ = 0;
};

const Attribute* FindAttribute(const Attributes& attributes, std::string_view name) {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [name](const Attribute& a) {
    return a.name == name || std::find(a.others.begin(), a.others.end(), name) != a.others.end();
  });
  return found == attributes.end() ? nullptr : &*found;
}

std::optional<Subject::Of> EntityNamed(std::string_view name) {
  constexpr std::pair<std::string_view, Subject::Of> kNames[] = {{"metric", Subject::Of::kMetric},
                                                                 {"metrics", Subject::Of::kMetric},
                                                                 {"param", Subject::Of::kParam},
                                                                 {"params", Subject::Of::kParam},
                                                                 {"parameter", Subject::Of::kParam},
                                                                 {"parameters", Subject::Of::kParam},
                                                                 {"tag", Subject::Of::kTag},
                                                                 {"tags", Subject::Of::kTag},
                                                                 {"attr", Subject::Of::kAttribute},
                                                                 {"attribute", Subject::Of::kAttribute},
                                                                 {"attributes", Subject::Of::kAttribute},
                                                                 {"run", Subject::Of::kAttribute}};
  for (const auto& [known, of] : kNames) {
    if (known == name) {
      return of;
    }
  }
  return std::nullopt;
}

// "metrics.loss", "status".
absl::StatusOr<Subject> ReadSubject(const Tokens& tokens, const Token& token, const Attributes& attributes) {
  const std::size_t dot = token.text.find('.');
  Subject subject{.of = Subject::Of::kAttribute, .key = token.text};
  if (dot != std::string::npos && token.kind == Token::Kind::kWord) {
    const std::optional<Subject::Of> of = EntityNamed(absl::AsciiStrToLower(token.text.substr(0, dot)));
    if (!of || dot + 1 == token.text.size()) {
      return tokens.Wrong(token, "metrics.NAME, params.NAME, tags.NAME or attributes.NAME");
    }
    subject = {.of = *of, .key = token.text.substr(dot + 1)};
  }
  if (subject.of == Subject::Of::kAttribute) {
    const Attribute* known = token.kind == Token::Kind::kWord ? FindAttribute(attributes, subject.key) : nullptr;
    if (known == nullptr) {
      std::vector<std::string_view> names;
      std::transform(attributes.begin(), attributes.end(), std::back_inserter(names),
                     [](const Attribute& a) { return a.name; });
      return tokens.Wrong(token,
                          fmt::format("metrics.NAME, params.NAME, tags.NAME or one of {}", fmt::join(names, ", ")));
    }
    subject.key = known->name;
  }
  return subject;
}

bool IsNumber(const Subject& subject, const Attributes& attributes) {
  const Attribute* attribute = subject.of == Subject::Of::kAttribute ? FindAttribute(attributes, subject.key) : nullptr;
  return subject.of == Subject::Of::kMetric || (attribute != nullptr && attribute->is_number);
}

class Parser {
 public:
  Parser(std::string_view text, const Attributes& attributes, std::string_view field)
      : tokens_(text, field), attributes_(attributes) {}

  absl::StatusOr<std::vector<Clause>> Filter() {
    std::vector<Clause> clauses;
    NORMLAB_RETURN_IF_ERROR(Advance());
    while (token_.kind != Token::Kind::kEnd) {
      NORMLAB_ASSIGN_OR_RETURN(Clause clause, ReadClause());
      clauses.push_back(std::move(clause));
      if (token_.kind == Token::Kind::kEnd) {
        break;
      }
      if (!IsWord("and")) {
        return tokens_.Wrong(token_, "and, or the end: clauses can be joined by and alone");
      }
      NORMLAB_RETURN_IF_ERROR(Advance());
      if (token_.kind == Token::Kind::kEnd) {
        return tokens_.Wrong(token_, "a clause behind and");
      }
    }
    return clauses;
  }

  absl::StatusOr<Order> ReadOrder() {
    NORMLAB_RETURN_IF_ERROR(Advance());
    Order order;
    NORMLAB_ASSIGN_OR_RETURN(order.subject, ReadSubject(tokens_, token_, attributes_));
    NORMLAB_RETURN_IF_ERROR(Advance());
    if (IsWord("asc") || IsWord("desc")) {
      order.descending = IsWord("desc");
      NORMLAB_RETURN_IF_ERROR(Advance());
    }
    return token_.kind == Token::Kind::kEnd ? absl::StatusOr<Order>(order)
                                            : tokens_.Wrong(token_, "ASC, DESC or the end");
  }

 private:
  absl::Status Advance() {
    NORMLAB_ASSIGN_OR_RETURN(token_, tokens_.Next());
    return absl::OkStatus();
  }

  bool IsWord(std::string_view word) const {
    return token_.kind == Token::Kind::kWord && absl::AsciiStrToLower(token_.text) == word;
  }

  absl::StatusOr<Clause> ReadClause() {
    Clause clause;
    NORMLAB_ASSIGN_OR_RETURN(clause.subject, ReadSubject(tokens_, token_, attributes_));
    NORMLAB_RETURN_IF_ERROR(Advance());
    NORMLAB_ASSIGN_OR_RETURN(clause.op, ReadOp());
    const bool number = IsNumber(clause.subject, attributes_);
    if (!Suits(clause.op, number)) {
      return tokens_.Wrong(
          op_, number ? "=, !=, >, >=, < or <= before a number" : "=, !=, LIKE, ILIKE, IN or NOT IN before a text");
    }
    if (clause.op == Clause::Op::kIsNull || clause.op == Clause::Op::kIsNotNull) {
      return clause;
    }
    if (clause.op == Clause::Op::kIn || clause.op == Clause::Op::kNotIn) {
      NORMLAB_RETURN_IF_ERROR(ReadList(clause.texts));
      return clause;
    }
    if (number) {
      NORMLAB_ASSIGN_OR_RETURN(clause.number, ReadNumber());
    } else {
      NORMLAB_RETURN_IF_ERROR(ReadText(clause.texts));
    }
    NORMLAB_RETURN_IF_ERROR(Advance());
    return clause;
  }

  static bool Suits(Clause::Op op, bool number) {
    switch (op) {
      case Clause::Op::kEqual:
      case Clause::Op::kNotEqual:
      case Clause::Op::kIsNull:
      case Clause::Op::kIsNotNull:
        return true;
      case Clause::Op::kGreater:
      case Clause::Op::kAtLeast:
      case Clause::Op::kLess:
      case Clause::Op::kAtMost:
        return number;
      default:
        return !number;
    }
  }

  // Ends behind it.
  absl::StatusOr<Clause::Op> ReadOp() {
    constexpr std::pair<std::string_view, Clause::Op> kOps[] = {
        {"=", Clause::Op::kEqual},      {"!=", Clause::Op::kNotEqual},    {">", Clause::Op::kGreater},
        {">=", Clause::Op::kAtLeast},   {"<", Clause::Op::kLess},         {"<=", Clause::Op::kAtMost},
        {"like", Clause::Op::kLike},    {"ilike", Clause::Op::kILike},    {"in", Clause::Op::kIn},
        {"not in", Clause::Op::kNotIn}, {"is null", Clause::Op::kIsNull}, {"is not null", Clause::Op::kIsNotNull}};
    op_ = token_;
    std::string text = token_.kind == Token::Kind::kQuoted ? "" : absl::AsciiStrToLower(token_.text);
    NORMLAB_RETURN_IF_ERROR(Advance());
    while (text == "not" || text == "is" || text == "is not") {
      absl::StrAppend(&text, " ", absl::AsciiStrToLower(token_.text));
      NORMLAB_RETURN_IF_ERROR(Advance());
    }
    for (const auto& [known, op] : kOps) {
      if (known == text) {
        return op;
      }
    }
    return tokens_.Wrong(op_, "=, !=, >, >=, <, <=, LIKE, ILIKE, IN, NOT IN, IS NULL or IS NOT NULL");
  }

  absl::StatusOr<double> ReadNumber() const {
    double number = 0;
    const char* const end = token_.text.data() + token_.text.size();
    const auto [at, error] = std::from_chars(token_.text.data(), end, number);
    if (token_.kind != Token::Kind::kWord || error != std::errc() || at != end) {
      return tokens_.Wrong(token_, "a number");
    }
    return number;
  }

  absl::Status ReadText(std::vector<std::string>& texts) const {
    if (token_.kind != Token::Kind::kQuoted) {
      return tokens_.Wrong(token_, "a text in quotes");
    }
    texts.push_back(token_.text);
    return absl::OkStatus();
  }

  bool IsSymbol(std::string_view symbol) const { return token_.kind == Token::Kind::kSymbol && token_.text == symbol; }

  absl::Status ReadList(std::vector<std::string>& texts) {
    if (!IsSymbol("(")) {
      return tokens_.Wrong(token_, "a list such as ('a', 'b')");
    }
    do {
      NORMLAB_RETURN_IF_ERROR(Advance());
      NORMLAB_RETURN_IF_ERROR(ReadText(texts));
      NORMLAB_RETURN_IF_ERROR(Advance());
    } while (IsSymbol(","));
    return IsSymbol(")") ? Advance() : tokens_.Wrong(token_, "a comma or a closing bracket");
  }

  Tokens tokens_;
  const Attributes& attributes_;
  Token token_;
  Token op_;
};

// SQL's LIKE: % is any text, _ any byte. In time of the product of both sizes.
bool Like(std::string_view text, std::string_view pattern) {
  std::size_t t = 0, p = 0, star = std::string_view::npos, kept = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = p++;
      kept = t;
    } else if (p < pattern.size() && (pattern[p] == '_' || pattern[p] == text[t])) {
      ++t;
      ++p;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++kept;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('%', p) == std::string_view::npos;
}

bool MatchesNumber(const Clause& clause, double value) {
  switch (clause.op) {
    case Clause::Op::kEqual:
      return value == clause.number;
    case Clause::Op::kNotEqual:
      return value != clause.number;
    case Clause::Op::kGreater:
      return value > clause.number;
    case Clause::Op::kAtLeast:
      return value >= clause.number;
    case Clause::Op::kLess:
      return value < clause.number;
    case Clause::Op::kAtMost:
      return value <= clause.number;
    default:
      return false;
  }
}

bool MatchesText(const Clause& clause, const std::string& value) {
  const bool named = std::find(clause.texts.begin(), clause.texts.end(), value) != clause.texts.end();
  switch (clause.op) {
    case Clause::Op::kEqual:
    case Clause::Op::kIn:
      return named;
    case Clause::Op::kNotEqual:
    case Clause::Op::kNotIn:
      return !named;
    case Clause::Op::kLike:
      return Like(value, clause.texts.front());
    case Clause::Op::kILike:
      return Like(absl::AsciiStrToLower(value), absl::AsciiStrToLower(clause.texts.front()));
    default:
      return false;
  }
}

}  // namespace

const Attributes& RunAttributes() {
  static const Attributes kAttributes = {
      {"run_id", {"run id"}, false}, {"run_name", {"run name", "Run name", "Run Name"}, false},
      {"status", {}, false},         {"user_id", {}, false},
      {"artifact_uri", {}, false},   {"start_time", {"created", "Created"}, true},
      {"end_time", {}, true}};
  return kAttributes;
}

const Attributes& ExperimentAttributes() {
  static const Attributes kAttributes = {
      {"name", {}, false}, {"experiment_id", {}, false}, {"creation_time", {}, true}, {"last_update_time", {}, true}};
  return kAttributes;
}

const Attributes& ModelAttributes() {
  static const Attributes kAttributes = {{"name", {}, false},
                                         {"model_id", {}, false},
                                         {"model_type", {}, false},
                                         {"status", {}, false},
                                         {"source_run_id", {}, false},
                                         {"creation_timestamp", {"creation_time"}, true},
                                         {"last_updated_timestamp", {}, true}};
  return kAttributes;
}

absl::StatusOr<std::vector<Clause>> ParseFilter(std::string_view text, const Attributes& attributes,
                                                std::string_view field) {
  return Parser(text, attributes, field).Filter();
}

absl::StatusOr<Order> ParseOrder(std::string_view text, const Attributes& attributes, std::string_view field) {
  return Parser(text, attributes, field).ReadOrder();
}

bool Matches(const Clause& clause, const Value& value) {
  const bool missing = std::holds_alternative<std::monostate>(value);
  if (clause.op == Clause::Op::kIsNull || clause.op == Clause::Op::kIsNotNull) {
    return missing == (clause.op == Clause::Op::kIsNull);
  }
  if (missing) {
    return false;
  }
  const double* number = std::get_if<double>(&value);
  return number != nullptr ? MatchesNumber(clause, *number) : MatchesText(clause, std::get<std::string>(value));
}

bool Matches(const std::vector<Clause>& clauses, const Lookup& lookup) {
  return std::all_of(clauses.begin(), clauses.end(),
                     [&lookup](const Clause& clause) { return Matches(clause, lookup(clause.subject)); });
}

int Compare(const Value& a, const Value& b, bool descending) {
  const auto rank = [](const Value& value) {
    const double* number = std::get_if<double>(&value);
    return std::holds_alternative<std::monostate>(value) ? 2 : number != nullptr && std::isnan(*number) ? 1 : 0;
  };
  if (rank(a) != rank(b) || rank(a) > 0) {
    return rank(a) - rank(b);
  }
  const int less = descending ? 1 : -1;
  return a == b ? 0 : a < b ? less : -less;
}

bool NeedMetrics(const std::vector<Clause>& clauses, const std::vector<Order>& orders) {
  const auto metric = [](const auto& of) { return of.subject.of == Subject::Of::kMetric; };
  return std::any_of(clauses.begin(), clauses.end(), metric) || std::any_of(orders.begin(), orders.end(), metric);
}

}  // namespace normlab::server
