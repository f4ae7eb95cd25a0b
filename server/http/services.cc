#include "server/http/services.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "proto/transport/token.h"
#include "server/http/methods.h"

namespace normlab::server::http {

std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<google::protobuf::Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

Call::Call(Services& services, const google::protobuf::MethodDescriptor& method, const std::string& authorization,
           boost::asio::any_io_executor executor)
    : services_(services), executor_(std::move(executor)) {
  context_.AddMetadata(kAuthorization, authorization);
  stream_ = services_.stub_.PrepareCall(&context_, GrpcPath(method), &services_.queue_);
  const MutexLock lock(services_.mu_);
  services_.calls_.insert(this);
}

Call::~Call() {
  Cancel();
  const MutexLock lock(services_.mu_);
  services_.calls_.erase(this);
}

void* Call::Tag(Then then) {
  return new Then([self = shared_from_this(), then = std::move(then)](bool ok) {
    boost::asio::post(self->executor_, [self, then, ok] { then(ok); });
  });
}

void Call::Start(Then then) { stream_->StartCall(Tag(std::move(then))); }

void Call::Write(const google::protobuf::Message& message, bool last, Then then) {
  const grpc::Slice slice(message.SerializeAsString());
  grpc::WriteOptions options;
  if (last) {
    options.set_last_message();
  }
  stream_->Write(grpc::ByteBuffer(&slice, 1), options, Tag(std::move(then)));
}

void Call::WritesDone(Then then) { stream_->WritesDone(Tag(std::move(then))); }

void Call::Read(Then then) { stream_->Read(&response_, Tag(std::move(then))); }

bool Call::Take(google::protobuf::Message& message) {
  grpc::ProtoBufferReader reader(&response_);
  const bool whole = message.ParseFromZeroCopyStream(&reader);
  response_.Clear();
  return whole;
}

void Call::Finish(std::function<void(const grpc::Status&)> then) {
  stream_->Finish(&status_, Tag([this, then = std::move(then)](bool) { then(status_); }));
}

Services::Services(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)), thread_([this] { Hear(); }) {}

Services::~Services() { Stop(); }

void Services::Hear() {
  void* tag = nullptr;
  for (bool ok = false; queue_.Next(&tag, &ok);) {
    const std::unique_ptr<Call::Then> then(static_cast<Call::Then*>(tag));
    (*then)(ok);
  }
}

void Services::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const MutexLock lock(mu_);
    for (Call* call : calls_) {
      call->Cancel();
    }
  }
  queue_.Shutdown();
  thread_.join();
}

}  // namespace normlab::server::http
