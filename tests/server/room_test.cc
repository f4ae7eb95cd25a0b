// A server whose every long call is taken still answers short ones.
#include <grpcpp/completion_queue.h>

#include <list>

#include "tests/server/fixture.h"

namespace normlab::server {
namespace {

// Unary calls that wait at the server, without a thread for each here.
template <typename Response>
class WaitingCalls {
 public:
  ~WaitingCalls() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    for (Call& call : calls_) {
      call.context.TryCancel();
    }
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // Starts `most` calls and one more, and returns once one is refused for want of room: then the others are all there.
  // `start`: (context, queue) -> the reader of an asynchronous call.
  template <typename Start>
  bool Fill(int most, const Start& start) {
    for (int i = 0; i <= most; ++i) {
      Add(start);
    }
    void* tag = nullptr;
    bool ok = false;
    const auto deadline = std::chrono::system_clock::now() + kPatience;
    while (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT) {
      if (static_cast<Call*>(tag)->status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
        return true;
      }
      Add(start);  // that one had waited as long as it may
    }
    return false;
  }

 private:
  struct Call {
    CallContext context;
    Response response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
  };

  template <typename Start>
  void Add(const Start& start) {
    Call& call = calls_.emplace_back();
    call.reader = start(&call.context, &queue_);
    call.reader->Finish(&call.response, &call.status, &call);
  }

  std::list<Call> calls_;
  grpc::CompletionQueue queue_;
};

class RoomTest : public ServerTest {
 protected:
  // As many workers at work as there may be, each of which waits for orders.
  void FillOrders(const v1::Attempt& attempt) {
    v1::AwaitOrderRequest request;
    *request.mutable_attempt() = attempt;
    request.mutable_wait()->set_seconds(30);
    EXPECT_TRUE(orders_.Fill(limits_.worker_orders, [&](auto* context, auto* queue) {
      return workers_->AsyncAwaitOrder(context, request, queue);
    }));
  }

  // As many idle ones.
  void FillWaits() {
    v1::LeaseRequest request;
    request.set_worker("elsewhere:1");
    request.mutable_wait()->set_seconds(30);
    int n = 1000;
    EXPECT_TRUE(waits_.Fill(limits_.worker_waits, [&](auto* context, auto* queue) {
      request.set_request_id(Uuid(n++));
      return workers_->AsyncLease(context, request, queue);
    }));
  }

  const GateLimits limits_ = Options().limits;
  WaitingCalls<v1::AwaitOrderResponse> orders_;
  WaitingCalls<v1::LeaseResponse> waits_;
};

TEST_F(RoomTest, EveryLongCallAtOnceLeavesRoomForShortOnes) {
  const v1::Job job = Create(1);
  const v1::Attempt attempt = LeaseOne().attempt();
  std::list<CallContext> contexts;
  std::list<std::unique_ptr<grpc::ClientReader<v1::WatchJobsResponse>>> watchers;
  v1::WatchJobsResponse message;
  for (int i = 0; i < limits_.streams; ++i) {
    watchers.push_back(jobs_->WatchJobs(&contexts.emplace_back(), {}));
    ASSERT_TRUE(watchers.back()->Read(&message));
  }
  FillOrders(attempt);
  FillWaits();
  EXPECT_EQ(Get(job.job_id()).state(), v1::JOB_STATE_RUNNING);
  v1::HeartbeatResponse beat;
  EXPECT_TRUE(Beat(attempt, &beat).ok());
  EXPECT_TRUE(Append(attempt, "loss", 1, 3).ok());
  CallContext context;
  v1::ReadCurveRequest read;
  read.set_job_id(job.job_id());
  read.set_series("loss");
  v1::ReadCurveResponse curve;
  const auto reader = curves_->ReadCurve(&context, read);
  EXPECT_TRUE(reader->Read(&curve));
  EXPECT_EQ(curve.values_size(), 3);
  while (reader->Read(&curve)) {
  }
  EXPECT_TRUE(reader->Finish().ok()) << "watchers cannot block a read";
  for (CallContext& watching : contexts) {
    watching.TryCancel();
  }
  for (const auto& watcher : watchers) {
    EXPECT_EQ(watcher->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
}

}  // namespace
}  // namespace normlab::server
