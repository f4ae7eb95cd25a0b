// services.h - calls of our own services, through gRPC's in-process channel: the gate sees no difference to a caller from
// outside, except that he is never taken for the user of the Unix socket.
//
// Threads: Services belongs to one; a Call to its executor's strand. One thread of Services' own hears what gRPC says.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "base/mutex.h"

namespace normlab::server::http {

class Services;

// An empty message of a type of our services.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor* type);

// One call, whatever its kind: Start, then Writes, the last with `last`, then Reads until there is no more, then Finish.
// Each calls back once, on the executor, and one at a time may be under way. Can be dropped at any time.
class Call : public std::enable_shared_from_this<Call> {
 public:
  using Then = std::function<void(bool ok)>;

  Call(Services& services, const google::protobuf::MethodDescriptor& method, const std::string& authorization,
       boost::asio::any_io_executor executor);
  ~Call();

  // False: the call has ended; Finish says why.
  void Start(Then then);
  void Write(const google::protobuf::Message& message, bool last, Then then);
  void WritesDone(Then then);
  // False: there is no further message.
  void Read(Then then);
  // What was read. False: it is no message of this type.
  bool Take(google::protobuf::Message& message);
  void Finish(std::function<void(const grpc::Status&)> then);

  void Cancel() { context_.TryCancel(); }

 private:
  void* Tag(Then then);

  Services& services_;
  const boost::asio::any_io_executor executor_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
};

class Services {
 public:
  explicit Services(std::shared_ptr<grpc::Channel> channel);
  // Stop().
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // Cancels all calls, and returns when gRPC has let go of them. None may be made or go on meanwhile: whoever runs them
  // has ended.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  friend class Call;
  void Hear();

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  Mutex mu_;
  std::set<Call*> calls_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace normlab::server::http
