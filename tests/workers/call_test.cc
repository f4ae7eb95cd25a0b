#include "workers/call.h"

#include <gtest/gtest.h>

namespace normlab::workers {
namespace {

using std::chrono::milliseconds;

constexpr Backoff kQuick{milliseconds(0), milliseconds(0), std::chrono::hours(1), std::chrono::hours(1)};

// How often a call is made that is always answered so, and what comes of it. With `backoff` unbounded it ends by force.
struct Tried {
  int calls = 0;
  absl::Status status;
};
Tried Always(const absl::Status& answer, const Backoff& backoff) {
  constexpr int kEnough = 1000;
  Tried tried;
  std::stop_source stop;
  tried.status = Retry("test", backoff, stop.get_token(), [&] {
    if (++tried.calls == kEnough) {
      stop.request_stop();
    }
    return answer;
  });
  return tried;
}

TEST(RetryTest, ARefusalIsNeverTriedAgain) {
  for (const absl::Status& refusal :
       {absl::InvalidArgumentError("x"), absl::DataLossError("x"), absl::FailedPreconditionError("x"),
        absl::NotFoundError("x"), absl::UnauthenticatedError("x"), absl::PermissionDeniedError("x"),
        absl::OutOfRangeError("x"), absl::UnimplementedError("x"), absl::AlreadyExistsError("x"), absl::OkStatus()}) {
    const Tried tried = Always(refusal, kQuick);
    EXPECT_EQ(tried.calls, 1) << refusal;
    EXPECT_EQ(tried.status, refusal);
  }
}

TEST(RetryTest, WhatMayPassIsTriedUntilTheLimitAndItsLastAnswerReturned) {
  for (const absl::Status& transient :
       {absl::UnavailableError("x"), absl::DeadlineExceededError("x"), absl::ResourceExhaustedError("x"),
        absl::AbortedError("x"), absl::CancelledError("x")}) {
    EXPECT_EQ(Always(transient, kQuick).calls, 1000) << transient;
    Backoff bounded = kQuick;
    bounded.limit = milliseconds(0);
    EXPECT_EQ(Always(transient, bounded).calls, 1) << transient;
    EXPECT_EQ(Always(transient, bounded).status, transient);
    bounded.limit.reset();
    EXPECT_EQ(Always(transient, bounded).status.code(), absl::StatusCode::kCancelled) << "stopped, not given up";
  }
}

TEST(RetryTest, WhatDoesNotExplainItselfIsARefusalInTheEnd) {
  for (const absl::Status& unexplained : {absl::InternalError(""), absl::UnknownError("")}) {
    EXPECT_EQ(Always(unexplained, kQuick).calls, 1000);
    Backoff bounded = kQuick;
    bounded.limit.reset();
    bounded.unexplained = milliseconds(0);
    const Tried tried = Always(unexplained, bounded);
    EXPECT_EQ(tried.calls, 1);
    EXPECT_EQ(tried.status, unexplained);
    EXPECT_FALSE(IsTransient(tried.status)) << "or the job would be tried for ever";
  }
}

}  // namespace
}  // namespace normlab::workers
