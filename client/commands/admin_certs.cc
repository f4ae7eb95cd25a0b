// `normlab admin certs`: a private certificate authority, for servers that other machines reach.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "base/fs.h"
#include "client/commands/admin.h"
#include "proto/transport/authority.h"

namespace normlab::client {
namespace {

constexpr char kAuthority[] = "ca";
constexpr char kServer[] = "server";
constexpr int kMostDays = 3650;

struct CertOptions {
  std::string folder;
  std::string name;
  std::vector<std::string> hosts;
  int days = kCertificateDays;
  bool renew = false;
};

std::string CertOf(const CertOptions& options, const std::string& name) { return options.folder + "/" + name + ".pem"; }
std::string KeyOf(const CertOptions& options, const std::string& name) { return options.folder + "/" + name + ".key"; }

// The key first: a server that looks in between finds that the two do not go together, and looks again.
absl::Status Write(const CertOptions& options, const std::string& name, const Certificate& made) {
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().AtomicWrite(KeyOf(options, name), made.key_pem));
  return PosixFileSystem().AtomicWrite(CertOf(options, name), made.certificate_pem);
}

absl::StatusOr<Certificate> ReadAuthority(const CertOptions& options) {
  Certificate authority;
  const auto read = [&](const std::string& path, std::string& text) {
    absl::StatusOr<std::string> content = PosixFileSystem().Read(path);
    if (absl::IsNotFound(content.status())) {
      return absl::NotFoundError(fmt::format(
          "{} is missing; make an authority first: normlab admin certs init {} --host NAME", path, options.folder));
    }
    text = content.value_or("");
    return content.status();
  };
  NORMLAB_RETURN_IF_ERROR(read(CertOf(options, kAuthority), authority.certificate_pem));
  NORMLAB_RETURN_IF_ERROR(read(KeyOf(options, kAuthority), authority.key_pem));
  return authority;
}

absl::StatusOr<int> Init(Session& session, const CertOptions& options) {
  for (const std::string& path : {CertOf(options, kAuthority), KeyOf(options, kAuthority)}) {
    if (std::filesystem::exists(path)) {
      return absl::InvalidArgumentError(
          fmt::format("{} is there, and certificates that it signed may be in use; choose another folder, or: normlab "
                      "admin certs renew {}",
                      path, options.folder));
    }
  }
  NORMLAB_ASSIGN_OR_RETURN(const Certificate authority, MakeAuthority());
  NORMLAB_ASSIGN_OR_RETURN(const Certificate server, IssueServerCertificate(authority, options.hosts, options.days));
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(options.folder));
  NORMLAB_RETURN_IF_ERROR(Write(options, kAuthority, authority));
  NORMLAB_RETURN_IF_ERROR(Write(options, kServer, server));
  session.Print(fmt::format("{}\n{}\n{}\n{}\n", CertOf(options, kAuthority), KeyOf(options, kAuthority),
                            CertOf(options, kServer), KeyOf(options, kServer)));
  session.Note(
      fmt::format("The server: normlabd --listen 0.0.0.0:50051 --tls-cert {} --tls-key {} --tls-client-ca {}\n"
                  "Its clients: normlab admin certs issue {} NAME, and --ca {} --cert NAME.pem --key NAME.key\n"
                  "Keep ca.key where nobody else reads it; the server does not need it.\n",
                  CertOf(options, kServer), KeyOf(options, kServer), CertOf(options, kAuthority), options.folder,
                  CertOf(options, kAuthority)));
  return kExitOk;
}

absl::StatusOr<int> Issue(Session& session, const CertOptions& options) {
  if (options.name == kAuthority || options.name == kServer) {
    return absl::InvalidArgumentError(
        fmt::format("{} is the name of another file there; choose another", options.name));
  }
  if (!options.renew && std::filesystem::exists(CertOf(options, options.name))) {
    return absl::InvalidArgumentError(
        fmt::format("{} is there; --renew replaces it and its key", CertOf(options, options.name)));
  }
  NORMLAB_ASSIGN_OR_RETURN(const Certificate authority, ReadAuthority(options));
  NORMLAB_ASSIGN_OR_RETURN(const Certificate made, IssueClientCertificate(authority, options.name, options.days));
  NORMLAB_RETURN_IF_ERROR(Write(options, options.name, made));
  session.Print(fmt::format("{}\n{}\n", CertOf(options, options.name), KeyOf(options, options.name)));
  return kExitOk;
}

absl::StatusOr<int> Renew(Session& session, const CertOptions& options) {
  NORMLAB_ASSIGN_OR_RETURN(const Certificate authority, ReadAuthority(options));
  std::vector<std::string> hosts = options.hosts;
  if (hosts.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(const std::string old, PosixFileSystem().Read(CertOf(options, kServer)));
    hosts = HostsOf(old);
  }
  NORMLAB_ASSIGN_OR_RETURN(const Certificate made, IssueServerCertificate(authority, hosts, options.days));
  NORMLAB_RETURN_IF_ERROR(Write(options, kServer, made));
  session.Print(fmt::format("{}\n{}\n", CertOf(options, kServer), KeyOf(options, kServer)));
  session.Note(
      fmt::format("For {}. A server that uses these files takes them within seconds.\n", fmt::join(hosts, ", ")));
  return kExitOk;
}

}  // namespace

void AddCerts(CLI::App& admin, Session& session) {
  CLI::App* certs = AddLocalCommand(
      admin, session,
      {kMore,
       "certs",
       "A private certificate authority, for servers that other machines reach, and for these machines",
       {"normlab admin certs init certs --host lab.example --host 10.0.0.7", "normlab admin certs issue certs ana"},
       ""});
  certs->require_subcommand(1);
  const auto options = std::make_shared<CertOptions>();
  const auto add = [&](const CommandText& text, absl::StatusOr<int> (*run)(Session&, const CertOptions&)) {
    CLI::App* command = AddLocalCommand(*certs, session, text);
    command->add_option("FOLDER", options->folder, "where certificates and keys are")->required()->type_name("");
    command->callback(
        [&session, options, run] { session.action = [&session, options, run] { return run(session, *options); }; });
    command->add_option("--days", options->days, "how long what is issued is good [397]")
        ->check(Whole(1, kMostDays))
        ->type_name("DAYS");
    return command;
  };
  CLI::App* init = add({kMore,
                        "init",
                        "Make an authority (good for ten years) and a certificate for a server, with keys of mode 0600",
                        {"normlab admin certs init certs --host lab.example --host 10.0.0.7"},
                        ""},
                       Init);
  init->add_option("--host", options->hosts, "name or address by which the server is reached, repeatable")
      ->required()
      ->type_name("HOST");
  CLI::App* issue = add({kMore,
                         "issue",
                         "Make a certificate for somebody who may reach the server, or for a worker's machine",
                         {"normlab admin certs issue certs ana", "normlab admin certs issue certs ana --renew"},
                         ""},
                        Issue);
  issue->add_option("NAME", options->name, "whose it is")->required()->type_name("");
  issue->add_flag("--renew", options->renew, "also if there is one of this name, which is replaced");
  CLI::App* renew = add({kMore,
                         "renew",
                         "Make the server's certificate anew, while the server runs",
                         {"normlab admin certs renew certs", "normlab admin certs renew certs --host lab.example"},
                         ""},
                        Renew);
  renew->add_option("--host", options->hosts, "for these names and addresses instead of the same ones, repeatable")
      ->type_name("HOST");
}

}  // namespace normlab::client
