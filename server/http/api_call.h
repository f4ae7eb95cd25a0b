// api_call.h - one request for a method: its JSON becomes messages, the service's messages become JSON.
//
//   request    JSON of the message; of a client stream, NDJSON: a message a line
//   answer     JSON of the message; of a server stream, server-sent events: "data: JSON" for each message, "event: end"
//              after the last. A call that fails is an error of its own HTTP status, or "event: error" if the stream has
//              begun.
//
// One message at a time is under way in each direction: whoever reads slowly makes his service wait.
//
// Threads: the connection's strand.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <functional>
#include <memory>

#include "server/http/answer.h"
#include "server/http/connection.h"
#include "server/http/services.h"

namespace normlab::server::http {

// What a message becomes in place of JSON.
using Render = std::function<Answer(const google::protobuf::Message& message)>;

// Answers the connection's request, whose method is `method`. `services` outlive the connection. With `render` the request is the
// empty message, whatever its body, and the method one without streams.
void RunApiCall(std::shared_ptr<Connection> connection, const google::protobuf::MethodDescriptor& method,
                Services& services, Render render = nullptr);

}  // namespace normlab::server::http
