// `normlab admin audit`: who changed what, and who was refused.
#include <fmt/format.h>

#include <algorithm>

#include "client/commands/admin.h"
#include "client/text.h"

namespace normlab::client {
namespace {

constexpr int kMostShown = 5;  // jobs of a line

Json ToJson(const v1::AuditEntry& entry) {
  return {{"time", FormatTime(entry.time())},
          {"who", entry.who()},
          {"role", entry.role()},
          {"peer", entry.peer()},
          {"certificate", entry.certificate()},
          {"method", entry.method()},
          {"job_ids", Strings(entry.job_ids())},
          {"jobs", entry.jobs()},
          {"request_id", entry.request_id()},
          {"outcome", entry.outcome()},
          {"error", entry.error()},
          {"left_out", entry.left_out()}};
}

std::string JobsText(const v1::AuditEntry& entry) {
  const int shown = std::min(kMostShown, entry.job_ids_size());
  std::string text;
  for (int i = 0; i < shown; ++i) {
    text += " " + entry.job_ids(i);
  }
  const std::uint64_t more = entry.jobs() - std::min<std::uint64_t>(entry.jobs(), static_cast<std::uint64_t>(shown));
  return more == 0 ? text : fmt::format("{} and {} more", text, FormatCount(more));
}

void Show(Session& session, const v1::AuditEntry& entry) {
  if (entry.left_out() > 0) {
    session.Print(
        fmt::format("({} refused before this; too many to be written)\n", FormatCount(entry.left_out(), "more call")));
  }
  const std::string who = entry.who().empty() ? "nobody known" : entry.who();
  const std::string role = entry.role().empty() || entry.role() == who ? "" : fmt::format(" ({})", entry.role());
  const std::string from =
      entry.certificate().empty() ? entry.peer() : fmt::format("{} {}", entry.peer(), entry.certificate());
  session.Print(fmt::format("{}  {}{} from {}  {}{}  {}{}\n", FormatTime(entry.time()),
                            session.OutPaint(who, Paint::kBold), role, from, entry.method(), JobsText(entry),
                            session.OutPaint(entry.outcome(), entry.outcome() == "OK" ? Paint::kPlain : Paint::kRed),
                            entry.error().empty() ? "" : ": " + entry.error()));
}

absl::StatusOr<int> Audit(Session& session, const std::string& since) {
  v1::ReadAuditRequest request;
  if (!since.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t age, ReadAge("--since", since));
    request.mutable_since()->set_seconds(static_cast<std::int64_t>(session.environment().now()) - age);
  }
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  Json all = Json::array();
  NORMLAB_RETURN_IF_ERROR(client->ReadAudit(request, [&](const v1::ReadAuditResponse& news) {
    for (const v1::AuditEntry& entry : news.entries()) {
      session.json ? all.push_back(ToJson(entry)) : Show(session, entry);
    }
    return true;
  }));
  if (session.json) {
    session.Print(Dump({{"entries", std::move(all)}}));
  }
  return kExitOk;
}

}  // namespace

void AddAudit(CLI::App& admin, Session& session) {
  const auto since = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      admin, session,
      {kMore,
       "audit",
       "Who submitted, cancelled, deleted or changed what, and whose calls were refused; oldest first",
       {"normlab admin audit --since 7d", "normlab admin audit --json | jq '.entries[].who'"},
       "entries[]: time, who, role, peer, certificate, method, job_ids[] (the first hundred), jobs, request_id, "
       "outcome, "
       "error, left_out."});
  command->add_option("--since", *since, "only what is not older than this: 90d, 12h, 30m [all that is kept]")
      ->type_name("AGE");
  command->callback([&session, since] { session.action = [&session, since] { return Audit(session, *since); }; });
}

}  // namespace normlab::client
