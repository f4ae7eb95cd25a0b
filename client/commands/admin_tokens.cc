// `normlab admin token`: tokens for people and programs: made, listed, rotated, revoked.
#include <fmt/format.h>
#include <unistd.h>

#include "client/commands/admin.h"
#include "client/text.h"
#include "proto/transport/token.h"

namespace normlab::client {
namespace {

const std::map<std::string, v1::Role> kRoles = {{"viewer", v1::ROLE_VIEWER},
                                                {"submitter", v1::ROLE_SUBMITTER},
                                                {"worker", v1::ROLE_WORKER},
                                                {"admin", v1::ROLE_ADMIN}};

struct TokenOptions {
  std::string name;
  std::string role;
  std::uint64_t days = 0;
  std::string out;
};

std::string RoleText(v1::Role role) {
  for (const auto& [name, known] : kRoles) {
    if (known == role) {
      return name;
    }
  }
  return "unknown";
}

Json ToJson(const v1::Token& token) {
  return {{"name", token.name()},
          {"role", RoleText(token.role())},
          {"created", FormatTime(token.created())},
          {"expires", FormatTime(token.expires())},
          {"revoked", FormatTime(token.revoked())}};
}

// A file that cannot be is told before a token is made for it.
absl::Status CheckOut(const std::string& out) {
  return out.empty() || ::access(out.c_str(), F_OK) != 0
             ? absl::OkStatus()
             : absl::InvalidArgumentError(fmt::format("--out: {} exists; choose another file", out));
}

absl::StatusOr<int> Tell(Session& session, const v1::Token& token, const std::string& secret, const std::string& out) {
  if (!out.empty()) {
    if (const absl::Status written = WriteToken(out, secret); !written.ok()) {
      return absl::Status(written.code(),
                          fmt::format("{}; the token of {} was made and is lost: normlab admin token rotate {}",
                                      Message(written), token.name(), token.name()));
    }
  }
  if (session.json) {
    Json json = ToJson(token);
    json["secret"] = out.empty() ? secret : "";
    json["file"] = out;
    session.Print(Dump(json));
    return kExitOk;
  }
  session.Print(out.empty() ? secret + "\n" : fmt::format("{} written\n", out));
  session.Note(fmt::format("{} is a {}{}.{}\n", token.name(), RoleText(token.role()),
                           token.has_expires() ? " until " + FormatTime(token.expires()) : "",
                           out.empty() ? " It is not shown again: the server keeps its SHA-256." : ""));
  return kExitOk;
}

absl::StatusOr<int> Create(Session& session, const TokenOptions& options) {
  NORMLAB_RETURN_IF_ERROR(CheckOut(options.out));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  v1::CreateTokenRequest request;
  request.set_name(options.name);
  request.set_role(kRoles.at(options.role));
  request.set_lifetime_seconds(options.days * 86'400);
  NORMLAB_ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, client->CreateToken(request));
  return Tell(session, made.token(), made.secret(), options.out);
}

absl::StatusOr<int> Rotate(Session& session, const TokenOptions& options) {
  NORMLAB_RETURN_IF_ERROR(CheckOut(options.out));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::RotateTokenResponse made, client->RotateToken(options.name));
  return Tell(session, made.token(), made.secret(), options.out);
}

absl::StatusOr<int> Revoke(Session& session, const TokenOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::RevokeTokenResponse revoked, client->RevokeToken(options.name));
  session.Print(fmt::format("the token of {} is revoked\n", revoked.token().name()));
  return kExitOk;
}

std::string StateOf(const v1::Token& token, double now) {
  if (token.has_revoked()) {
    return "revoked " + FormatTime(token.revoked());
  }
  if (!token.has_expires()) {
    return "good";
  }
  return (static_cast<double>(token.expires().seconds()) <= now ? "expired " : "good until ") +
         FormatTime(token.expires());
}

absl::StatusOr<int> List(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::ListTokensResponse answer, client->ListTokens());
  TextTable table({"NAME", "ROLE", "MADE", "STATE"});
  Json all = Json::array();
  for (const v1::Token& token : answer.tokens()) {
    all.push_back(ToJson(token));
    table.Add({{token.name(), Paint::kBold},
               RoleText(token.role()),
               FormatTime(token.created()),
               StateOf(token, session.environment().now())});
  }
  if (session.json) {
    session.Print(Dump({{"tokens", std::move(all)}}));
  } else if (answer.tokens().empty()) {
    session.Note("There is no token; make one: normlab admin token create NAME --role viewer\n");
  } else {
    session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  }
  return kExitOk;
}

}  // namespace

void AddTokens(CLI::App& admin, Session& session) {
  CLI::App* token = AddLocalCommand(admin, session,
                                    {kMore,
                                     "token",
                                     "Tokens for people and programs that reach the server through a port",
                                     {"normlab admin token create ana --role submitter --expires 90 --out ana.token",
                                      "normlab admin token list", "normlab admin token revoke ana"},
                                     ""});
  token->require_subcommand(1);
  const auto options = std::make_shared<TokenOptions>();
  const auto act = [&session, options](CLI::App* sub, absl::StatusOr<int> (*run)(Session&, const TokenOptions&)) {
    sub->add_option("NAME", options->name, "whose it is, or what for")->required()->type_name("");
    sub->callback(
        [&session, options, run] { session.action = [&session, options, run] { return run(session, *options); }; });
  };
  const auto add_out = [options](CLI::App* sub) {
    sub->add_option("--out", options->out, "put the token into this new file, mode 0600, instead of showing it")
        ->type_name("FILE");
  };
  const std::string made = "name, role, created, expires, revoked, secret (without --out), file.";
  CLI::App* create = AddCommand(*token, session,
                                {kMore,
                                 "create",
                                 "Make a token, which is told once",
                                 {"normlab admin token create ana --role submitter --expires 90 --out ana.token",
                                  "normlab admin token create class --role viewer"},
                                 made});
  act(create, Create);
  AddChoice(session, *create, "--role", options->role, {"viewer", "submitter", "worker", "admin"}, "what it lets do")
      ->required();
  create->add_option("--expires", options->days, "days that it is good for [without end]")
      ->check(Whole(1, 3650))
      ->type_name("DAYS");
  add_out(create);
  CLI::App* list = AddCommand(*token, session,
                              {kMore,
                               "list",
                               "List tokens by name, also those that were revoked",
                               {"normlab admin token list"},
                               "tokens[]: name, role, created, expires, revoked."});
  list->callback([&session] { session.action = [&session] { return List(session); }; });
  CLI::App* rotate = AddCommand(
      *token, session,
      {kMore,
       "rotate",
       "Make another secret for a token; the old one is refused from now on. What expires gets its days anew",
       {"normlab admin token rotate ana --out ana-2.token"},
       made});
  act(rotate, Rotate);
  add_out(rotate);
  CLI::App* revoke = AddCommand(*token, session,
                                {kMore,
                                 "revoke",
                                 "Refuse a token from now on. Calls under way with it end within a second",
                                 {"normlab admin token revoke ana"},
                                 ""});
  act(revoke, Revoke);
}

}  // namespace normlab::client
