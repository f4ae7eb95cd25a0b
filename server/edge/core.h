// core.h - what all services share. Borrowed by them; made and destroyed by Daemon.
#pragma once

#include <memory>
#include <vector>

#include "results/judging/paper.h"
#include "results/store/store.h"
#include "server/edge/gate.h"
#include "server/edge/news.h"
#include "server/schedule/attempts.h"
#include "server/schedule/job_limits.h"
#include "server/schedule/local_data.h"

namespace normlab::server {

struct Core {
  store::Store& store;
  Attempts& attempts;
  News& news;
  Gate& gate;
  const std::vector<std::unique_ptr<judging::Paper>>& papers;
  const JobLimits& job_limits;
  LocalData& data;
};

}  // namespace normlab::server
