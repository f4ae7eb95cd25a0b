// `normlab admin`: looking after a server: status, drain, backups, checks, and making room.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "base/parse_number.h"
#include "client/commands/admin.h"
#include "client/commands/command.h"
#include "client/commands/job_filter.h"
#include "client/error.h"
#include "client/progress_line.h"
#include "client/sister_program.h"
#include "client/text.h"

namespace normlab::client {
namespace {

std::string Ago(const google::protobuf::Timestamp& time, double now) {
  return FormatDuration(std::max(0.0, now - static_cast<double>(time.seconds()))) + " ago";
}

// --- status ---

Json ToJson(const v1::Backup& backup) {
  return {{"name", backup.name()},
          {"taken", FormatTime(backup.taken())},
          {"jobs", backup.jobs()},
          {"bytes", backup.bytes()},
          {"folder", backup.folder()}};
}

Json ToJson(const v1::GetStatusResponse& status) {
  Json jobs = Json::object();
  for (const auto& counted : status.jobs()) {
    jobs[StateName(counted.state())] = counted.count();
  }
  const auto& scrub = status.scrub();
  Json json{{"version", status.version()},
            {"home", status.home()},
            {"started", FormatTime(status.started())},
            {"draining", status.draining()},
            {"jobs", std::move(jobs)},
            {"workers", {{"slots", status.slots()}, {"working", status.working()}, {"waiting", status.waiting()}}},
            {"database_bytes", status.database_bytes()},
            {"unused_bytes", status.unused_bytes()},
            {"log_bytes", status.log_bytes()},
            {"checkpoint_bytes", status.checkpoint_bytes()},
            {"artifact_bytes", status.artifact_bytes()},
            {"free_bytes", status.free_bytes()},
            {"memory_bytes", status.memory_bytes()},
            {"damage", status.damage()},
            {"scrub",
             {{"ended", FormatTime(scrub.ended())},
              {"damaged", scrub.damaged()},
              {"damage", Strings(scrub.damage())},
              {"under_way", scrub.under_way()},
              {"done", scrub.done()},
              {"next", FormatTime(scrub.next())}}}};
  json["last_backup"] = status.has_last_backup() ? ToJson(status.last_backup()) : Json();
  return json;
}

std::string JobCounts(const v1::GetStatusResponse& status) {
  std::string text;
  for (const auto& counted : status.jobs()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", FormatCount(counted.count()), StateName(counted.state()));
  }
  return text.empty() ? "none" : text;
}

std::string ScrubText(const v1::GetStatusResponse::Scrub& scrub, double now) {
  std::string text =
      scrub.has_ended()
          ? fmt::format("{}, {}", Ago(scrub.ended(), now),
                        scrub.damaged() == 0 ? "everything is whole" : FormatCount(scrub.damaged(), "damaged piece"))
          : "never";
  if (scrub.under_way()) {
    text += fmt::format("; one is under way, {:.0f}% done", 100 * scrub.done());
  } else if (scrub.has_next()) {
    text += fmt::format("; the next one in {}",
                        FormatDuration(std::max(0.0, static_cast<double>(scrub.next().seconds()) - now)));
  }
  return text;
}

absl::StatusOr<int> Status(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::GetStatusResponse status, client->GetStatus());
  const bool whole = status.damage().empty() && status.scrub().damaged() == 0;
  if (session.json) {
    session.Print(Dump(ToJson(status)));
    return whole ? kExitOk : kExitFailed;
  }
  const double now = session.environment().now();
  const std::string backup = status.has_last_backup() ? fmt::format("{}, {}", Ago(status.last_backup().taken(), now),
                                                                    status.last_backup().folder())
                                                      : "none; make one: normlab admin backup";
  const auto line = [&session](std::string_view name, const std::string& value) {
    session.Print(fmt::format("{:<11} {}\n", name, value));
  };
  line("server", fmt::format("{}, up {}", status.version(),
                             FormatDuration(std::max(0.0, now - static_cast<double>(status.started().seconds())))));
  line("home", status.home());
  line("jobs", JobCounts(status));
  line("workers", fmt::format("{} at work, {} waiting{}", status.working(), status.waiting(),
                              status.draining() ? "; draining: no job begins" : ""));
  line("store", fmt::format("{} database ({} unused), {} log, {} checkpoints, {} artifacts",
                            FormatBytes(status.database_bytes()), FormatBytes(status.unused_bytes()),
                            FormatBytes(status.log_bytes()), FormatBytes(status.checkpoint_bytes()),
                            FormatBytes(status.artifact_bytes())));
  line("disk", FormatBytes(status.free_bytes()) + " free");
  line("memory", FormatBytes(status.memory_bytes()));
  line("last scrub", ScrubText(status.scrub(), now));
  line("last backup", backup);
  for (const std::string& damage : status.scrub().damage()) {
    line("damaged", session.OutPaint(damage, Paint::kRed));
  }
  if (!status.damage().empty()) {
    line("damaged", session.OutPaint(status.damage(), Paint::kRed));
  }
  return whole ? kExitOk : kExitFailed;
}

// --- drain ---

struct DrainOptions {
  bool off = false;
  bool wait = false;
};

absl::StatusOr<int> Drain(Session& session, const DrainOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(v1::DrainResponse answer, client->Drain(options.off));
  if (options.off) {
    session.Print("jobs begin again\n");
    return kExitOk;
  }
  constexpr std::chrono::milliseconds kLook{500};
  int said = -1;
  while (options.wait && answer.working() > 0) {
    if (answer.working() != said) {
      said = answer.working();
      session.Note(fmt::format("{} under way\n", FormatCount(static_cast<std::uint64_t>(said), "job")));
    }
    std::this_thread::sleep_for(kLook);
    NORMLAB_ASSIGN_OR_RETURN(answer, client->Drain(false));
  }
  session.Print(
      fmt::format("no job begins; {} under way\n", FormatCount(static_cast<std::uint64_t>(answer.working()), "job")));
  return kExitOk;
}

// --- backups ---

std::function<void(const v1::UpkeepProgress&)> ShowProgress(ProgressLine& line) {
  return [&line](const v1::UpkeepProgress& progress) { line.Show(progress.done(), progress.total()); };
}

absl::StatusOr<int> Backup(Session& session, std::uint32_t keep) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  ProgressLine line(session.console(), "backup", "B");
  NORMLAB_ASSIGN_OR_RETURN(const v1::CreateBackupResponse made, client->CreateBackup(keep, ShowProgress(line)));
  line.Clear();
  if (session.json) {
    session.Print(Dump({{"backup", ToJson(made.backup())}, {"removed", Strings(made.removed())}}));
    return kExitOk;
  }
  session.Print(made.backup().folder() + "\n");
  session.Note(fmt::format("{}, {}; copied and read back.\n", FormatCount(made.backup().jobs(), "job"),
                           FormatBytes(made.backup().bytes())));
  for (const std::string& name : made.removed()) {
    session.Note(fmt::format("{} removed.\n", name));
  }
  return kExitOk;
}

absl::StatusOr<int> Backups(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_ASSIGN_OR_RETURN(const v1::ListBackupsResponse answer, client->ListBackups());
  TextTable table({"BACKUP", "AGE", "JOBS", "SIZE", "FOLDER"}, {1, 2, 3});
  Json all = Json::array();
  for (const v1::Backup& backup : answer.backups()) {
    all.push_back(ToJson(backup));
    table.Add({{backup.name(), Paint::kBold},
               Ago(backup.taken(), session.environment().now()),
               FormatCount(backup.jobs()),
               FormatBytes(backup.bytes()),
               backup.folder()});
  }
  if (session.json) {
    session.Print(Dump({{"backups", std::move(all)}}));
  } else if (answer.backups().empty()) {
    session.Note("There is no backup; make one: normlab admin backup\n");
  } else {
    session.Print(table.Render(session.out_colour(), session.table_width(), session.console().unicode));
  }
  return kExitOk;
}

// The server must not run on the home, so its program does it.
absl::StatusOr<int> Restore(Session& session, const std::string& folder) {
  NORMLAB_RETURN_IF_ERROR(RunSister("normlabd", {"--restore", folder, "--home", session.endpoint.Home()}, {},
                                    [&session](std::string_view text) { session.Print(text); }));
  return kExitOk;
}

// --- check and scrub ---

absl::StatusOr<int> Check(Session& session, const std::string& backup) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  ProgressLine line(session.console(), "check", "B");
  NORMLAB_ASSIGN_OR_RETURN(const v1::CheckResponse::Report report, client->Check(backup, ShowProgress(line)));
  line.Clear();
  const int code = report.damaged() == 0 ? kExitOk : kExitFailed;
  if (session.json) {
    session.Print(Dump({{"bytes", report.bytes()},
                        {"series", report.series()},
                        {"files", report.files()},
                        {"damaged", report.damaged()},
                        {"damage", Strings(report.damage())}}));
    return code;
  }
  for (const std::string& damage : report.damage()) {
    session.Print(session.OutPaint(damage, Paint::kRed) + "\n");
  }
  session.Print(fmt::format(
      "{}: {}, {}, {} read\n",
      report.damaged() == 0 ? "everything is whole" : FormatCount(report.damaged(), "damaged piece"),
      FormatCount(report.series(), "curve"), FormatCount(report.files(), "file"), FormatBytes(report.bytes())));
  return code;
}

absl::StatusOr<int> Scrub(Session& session) {
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  NORMLAB_RETURN_IF_ERROR(client->StartScrub());
  session.Print("a scrub has begun; normlab admin status says how far it is\n");
  return kExitOk;
}

// --- gc ---

struct GarbageOptions {
  JobFilter filter;
  std::string older_than;
  std::uint32_t keep = 0;
  bool dry_run = false;
  bool yes = false;
};

absl::StatusOr<v1::CollectGarbageRequest> ToRequest(const GarbageOptions& options) {
  v1::CollectGarbageRequest request;
  if (!options.filter.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(*request.mutable_filter(), ToFilter(options.filter));
  }
  if (!options.older_than.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::int64_t seconds, ReadAge("--older-than", options.older_than));
    request.set_older_than_seconds(static_cast<std::uint64_t>(seconds));
  }
  request.set_keep_newest(options.keep);
  return request;
}

absl::StatusOr<int> CollectGarbage(Session& session, const GarbageOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(v1::CollectGarbageRequest request, ToRequest(options));
  NORMLAB_ASSIGN_OR_RETURN(Client * client, session.client());
  request.set_validate_only(true);
  NORMLAB_ASSIGN_OR_RETURN(v1::CollectGarbageResponse answer, client->CollectGarbage(request));
  const std::string what =
      fmt::format("{} with {} of artifacts", FormatCount(answer.job_ids().size(), "job"), FormatBytes(answer.bytes()));
  if (!options.dry_run && !answer.job_ids().empty()) {
    if (!options.yes && !Confirm(session, "delete " + what)) {
      session.Note("Nothing was done.\n");
      return kExitFailed;
    }
    request.set_validate_only(false);
    NORMLAB_ASSIGN_OR_RETURN(answer, client->CollectGarbage(request));
  }
  if (session.json) {
    session.Print(Dump({{"job_ids", Strings(answer.job_ids())}, {"bytes", answer.bytes()}}));
    return kExitOk;
  }
  for (const std::string& id : answer.job_ids()) {
    session.Print(id + "\n");
  }
  session.Note(options.dry_run            ? fmt::format("This would delete {}; nothing was done.\n", what)
               : answer.job_ids().empty() ? "No job is that old.\n"
                                          : fmt::format("{} deleted.\n", what));
  return kExitOk;
}

// --- the command line ---

void AddStatus(CLI::App& admin, Session& session) {
  CLI::App* command = AddCommand(
      admin, session,
      {kMore,
       "status",
       "How the server is: jobs, workers, what the store takes, backups, and what was found damaged. Exit code 1 if "
       "anything is",
       {"normlab admin status", "normlab admin status --json | jq .free_bytes"},
       "version, home, started, draining, jobs (by state), workers: slots, working, waiting; database_bytes, "
       "unused_bytes, log_bytes, checkpoint_bytes, artifact_bytes, free_bytes, memory_bytes, damage; scrub: ended, "
       "damaged, damage[], under_way, done, next; last_backup: name, taken, jobs, bytes, folder."});
  command->callback([&session] { session.action = [&session] { return Status(session); }; });
}

void AddDrain(CLI::App& admin, Session& session) {
  const auto options = std::make_shared<DrainOptions>();
  CLI::App* command = AddCommand(admin, session,
                                 {kMore,
                                  "drain",
                                  "Let no job begin, until the server ends or --off; those under way go on",
                                  {"normlab admin drain --wait", "normlab admin drain --off"},
                                  ""});
  command->add_flag("--off", options->off, "let jobs begin again");
  command->add_flag("--wait", options->wait, "return when no job is under way");
  command->callback([&session, options] { session.action = [&session, options] { return Drain(session, *options); }; });
}

void AddBackups(CLI::App& admin, Session& session) {
  const auto keep = std::make_shared<std::uint32_t>(0);
  CLI::App* backup = AddCommand(
      admin, session,
      {kMore,
       "backup",
       "Copy everything the server holds into a folder of its machine, while it works, and read the copy back",
       {"normlab admin backup", "normlab admin backup --keep 7   for a nightly timer"},
       "backup: name, taken, jobs, bytes, folder; removed[]."});
  backup->add_option("--keep", *keep, "then remove all but the newest so many backups [all stay]")
      ->check(Whole(1, 10'000))
      ->type_name("N");
  backup->callback([&session, keep] { session.action = [&session, keep] { return Backup(session, *keep); }; });
  CLI::App* backups = AddCommand(admin, session,
                                 {kMore,
                                  "backups",
                                  "List the backups there are, newest first",
                                  {"normlab admin backups"},
                                  "backups[]: name, taken, jobs, bytes, folder."});
  backups->callback([&session] { session.action = [&session] { return Backups(session); }; });
  const auto folder = std::make_shared<std::string>();
  CLI::App* restore =
      AddLocalCommand(admin, session,
                      {kMore,
                       "restore",
                       "Put a backup into a data directory that has no store yet. No server may run on it",
                       {"normlab admin restore ~/.local/share/normlab/backups/2026-11-29T114339Z --home /srv/normlab"},
                       ""});
  restore->add_option("FOLDER", *folder, "the backup")->required()->check(CLI::ExistingDirectory)->type_name("");
  AddHomeOptions(*restore, session);
  restore->callback([&session, folder] { session.action = [&session, folder] { return Restore(session, *folder); }; });
}

void AddChecks(CLI::App& admin, Session& session) {
  const auto name = std::make_shared<std::string>();
  CLI::App* check = AddCommand(
      admin, session,
      {kMore,
       "check",
       "Read everything back, at full speed: every page, every checksum of points, every file. Exit code 1 if "
       "anything is damaged",
       {"normlab admin check", "normlab admin check --backup 2026-11-29T114339Z"},
       "bytes, series, files, damaged, damage[] (the first hundred)."});
  check->add_option("--backup", *name, "look at this backup instead of the store")->type_name("NAME");
  check->callback([&session, name] { session.action = [&session, name] { return Check(session, *name); }; });
  CLI::App* scrub = AddCommand(admin, session,
                               {kMore,
                                "scrub",
                                "Begin such a check in the background, slowly. The server does so itself every week",
                                {"normlab admin scrub"},
                                ""});
  scrub->callback([&session] { session.action = [&session] { return Scrub(session); }; });
}

void AddGarbage(CLI::App& admin, Session& session) {
  const auto options = std::make_shared<GarbageOptions>();
  CLI::App* command = AddCommand(
      admin, session,
      {kMore,
       "gc",
       "Delete jobs that have ended: those that match, ended long enough ago, and are not among the newest",
       {"normlab admin gc --older-than 90d --dry-run", "normlab admin gc --state failed --older-than 7d --yes",
        "normlab admin gc --label who=class --keep 100"},
       "job_ids[], bytes (of their artifacts)."});
  AddFilterOptions(session, *command, options->filter);
  command->add_option("--older-than", options->older_than, "that ended at least so long ago: 90d, 12h, 30m")
      ->type_name("AGE");
  command->add_option("--keep", options->keep, "but not the newest so many of those that match")
      ->check(Whole(1, 10'000'000))
      ->type_name("N");
  command->add_flag("--dry-run", options->dry_run, "say which, and do nothing");
  command->add_flag("--yes,-y", options->yes, "do not ask");
  command->callback(
      [&session, options] { session.action = [&session, options] { return CollectGarbage(session, *options); }; });
}

}  // namespace

absl::StatusOr<std::int64_t> ReadAge(std::string_view option, const std::string& text) {
  const std::string unit = text.substr(std::min(text.size(), text.find_first_not_of("0123456789")));
  const auto n = ParseWhole<std::int64_t>(std::string_view(text).substr(0, text.size() - unit.size()));
  const std::int64_t seconds = unit == "d" ? 86'400 : unit == "h" ? 3'600 : unit == "m" ? 60 : unit == "s" ? 1 : 0;
  constexpr std::int64_t kMost = std::int64_t{36'500} * 86'400;  // of any unit
  if (!n || *n > kMost || seconds == 0) {
    return absl::InvalidArgumentError(
        fmt::format("{} is {}; expected a number and d, h, m or s, such as 90d", option, text));
  }
  return *n * seconds;
}

void AddAdmin(CLI::App& app, Session& session) {
  CLI::App* admin = AddLocalCommand(app, session,
                                    {kMore,
                                     "admin",
                                     "Look after a server: its state, backups, checks, room, and who may use it",
                                     {"normlab admin status", "normlab admin backup --keep 7"},
                                     ""});
  admin->require_subcommand(1);
  AddStatus(*admin, session);
  AddDrain(*admin, session);
  AddBackups(*admin, session);
  AddChecks(*admin, session);
  AddGarbage(*admin, session);
  AddTokens(*admin, session);
  AddAudit(*admin, session);
  AddCerts(*admin, session);
}

}  // namespace normlab::client
