// core.h - what all services share. Borrowed by them; made and destroyed by Daemon.
//
// Thread safety: the members look after themselves; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "results/judging/paper.h"
#include "results/store/store.h"
#include "server/edge/audit_log.h"
#include "server/edge/gate.h"
#include "server/edge/issued_tokens.h"
#include "server/edge/news.h"
#include "server/edge/queue_quota.h"
#include "server/edge/secrets.h"
#include "server/schedule/attempts.h"
#include "server/schedule/job_limits.h"
#include "server/schedule/local_data.h"
#include "server/schedule/upkeep.h"

namespace normlab::server {

struct Core {
  store::Store& store;
  Attempts& attempts;
  News& news;
  Gate& gate;
  const WorkerSecrets& secrets;
  IssuedTokens& tokens;
  const AuditLog& audit;
  const std::vector<std::unique_ptr<judging::Paper>>& papers;
  const JobLimits& job_limits;
  QueueQuota& quota;
  LocalData& data;
  Upkeep& upkeep;
  const int slots;  // workers that this server keeps
  const std::string home;
  const std::string logs;         // folder of its own log and theirs
  const std::int64_t started_ms;  // Unix time
};

}  // namespace normlab::server
