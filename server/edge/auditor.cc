#include "server/edge/auditor.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/text.h"
#include "server/edge/roles.h"

namespace normlab::server {
namespace {

using google::protobuf::FieldDescriptor;
using ProtoMessage = google::protobuf::Message;

constexpr std::size_t kMostJobs = 100;  // that a line names
constexpr std::size_t kMostText = 256;  // bytes of a text that came from outside

// Methods of submitters and admins that change nothing.
const std::set<std::string_view> kReads = {"ArtifactService.ReadCheckpoint", "JobService.ReadLog",
                                           "AdminService.ListTokens", "AdminService.ReadAudit", "AdminService.Check"};
// What a program says of its own run, thousands of times: its points have their times in the store.
const std::set<std::string_view> kRecords = {
    "TrackingService.LogMetric",         "TrackingService.LogParam",
    "TrackingService.LogBatch",          "TrackingService.LogInputs",
    "TrackingService.LogOutputs",        "TrackingService.SetTag",
    "TrackingService.WriteFile",         "TrackingService.LogLoggedModelParams",
    "TrackingService.SetLoggedModelTags"};

void AddJob(const std::string& id, AuditEntry& entry) {
  if (id.empty()) {
    return;
  }
  ++entry.job_count;
  if (entry.jobs.size() < kMostJobs) {
    entry.jobs.push_back(CutText(id, 64));
  }
}

// Every job_id and job_ids of a message and of the messages in it, but for those of jobs that were left alone.
void AddJobs(const ProtoMessage& message, AuditEntry& entry) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool ids = field->name() == "job_id" || field->name() == "job_ids";
    if (field->is_map() || field->name() == "not_changed") {
      continue;
    }
    const int n = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < n; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        AddJobs(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                     : reflection->GetMessage(message, field),
                entry);
      } else if (ids && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        AddJob(field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                    : reflection->GetString(message, field),
               entry);
      }
    }
  }
}

std::string RequestId(const ProtoMessage& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
  return field == nullptr ? "" : CutText(request.GetReflection()->GetString(request, field), 64);
}

bool OnlyLooks(const ProtoMessage& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("validate_only");
  return field != nullptr && request.GetReflection()->GetBool(request, field);
}

}  // namespace

std::string HostOf(std::string_view peer) {
  if (peer.starts_with("unix:")) {
    return "unix";
  }
  if (!peer.starts_with("ipv4:") && !peer.starts_with("ipv6:")) {
    return peer == "inproc" ? "http" : std::string(peer);
  }
  std::string host(peer.substr(5, peer.rfind(':') - 5));
  for (const std::string_view bracket : {"%5B", "%5D", "[", "]"}) {
    if (const std::size_t at = host.find(bracket); at != std::string::npos) {
      host.erase(at, bracket.size());
    }
  }
  return host;
}

bool Changes(std::string_view method) {
  return !CheckRole(Role::kViewer, method).ok() && !CheckRole(Role::kWorker, method).ok() && !kReads.contains(method) &&
         !kRecords.contains(method);
}

std::string Auditor::WhoOf(const Caller& caller) const {
  if (!caller.is_owner() || !socket_users_) {
    return caller.identity();
  }
  std::string who;
  for (const uid_t uid : socket_users_()) {
    who += fmt::format("{}uid {}", who.empty() ? "" : " or ", uid);
  }
  return who.empty() ? caller.identity() : who;
}

void Auditor::Ended(const Caller* caller, const Peer& peer, std::string_view method, const Messages& messages,
                    const absl::Status& status) {
  const bool refused =
      absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) || absl::IsResourceExhausted(status);
  if (!refused && (!Changes(method) || (messages.request != nullptr && OnlyLooks(*messages.request)))) {
    return;
  }
  AuditEntry entry{.time_ms = UnixMs(), .who = caller == nullptr ? "" : WhoOf(*caller)};
  entry.role = caller == nullptr ? "" : RoleName(caller->role());
  entry.peer = HostOf(peer.name);
  entry.certificate = peer.certificate;
  entry.method = method;
  entry.outcome = absl::StatusCodeToString(status.code());
  entry.error = CutText(Message(status), kMostText);
  if (messages.request != nullptr) {
    entry.request_id = RequestId(*messages.request);
    AddJobs(*messages.request, entry);
  }
  if (messages.response != nullptr && status.ok() && entry.job_count == 0) {
    AddJobs(*messages.response, entry);
  }
  // Calls that fail cost nothing to make: they have a rate and a book of their own.
  status.ok() ? log_.Changed(std::move(entry)) : log_.Refused(std::move(entry));
}

}  // namespace normlab::server
