// http_client.h - a plain HTTP/1.1 client that says byte for byte what a test wants said.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace normlab::server {

struct HttpResponse {
  int status = 0;                              // 0: the connection ended before there was an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  nlohmann::json Json() const { return nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false); }
  // Of an error.
  std::string Code() const;
  std::string Text() const;
  std::string Field() const;  // the first wrong one
};

struct HttpRequest {
  std::string method = "POST";
  std::string target;
  std::string body = "{}";
  std::string token = {};                           // empty: none is shown
  std::map<std::string, std::string> headers = {};  // further ones, or others; an empty value leaves one out
};

// One connection.
class HttpClient {
 public:
  explicit HttpClient(int port);

  void Send(std::string_view bytes);
  void Send(const HttpRequest& request) { Send(Text(request)); }
  std::string Text(const HttpRequest& request) const;
  HttpResponse Read(bool head = false);
  HttpResponse Call(const HttpRequest& request);

  // A response in pieces: its header, then what comes until `end` has been read (absent: the body or connection ended).
  HttpResponse ReadHeader();
  std::optional<std::string> ReadChunk();
  // One server-sent event, without its blank line, comments left out; absent: there are no more.
  std::optional<std::string> ReadEvent();

  // Whether the server has closed the connection; what it still sent is dropped.
  bool Closed();
  int fd() const { return fd_.get(); }

 private:
  bool Fill();  // false: the connection has ended
  std::optional<std::string> Line();

  int port_;
  Descriptor fd_;
  std::string buffer_;
  std::string events_;
};

}  // namespace normlab::server
