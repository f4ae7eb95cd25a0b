#include "tests/server/http_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/server/fixture.h"

namespace normlab::server {

std::string HttpResponse::Code() const {
  const nlohmann::json json = Json();
  return json.contains("error") ? json["error"].value("status", "") : "";
}

std::string HttpResponse::Text() const {
  const nlohmann::json json = Json();
  return json.contains("error") ? json["error"].value("message", "") : body;
}

std::string HttpResponse::Field() const {
  const nlohmann::json json = Json();
  for (const auto& detail : json.contains("error") ? json["error"]["details"] : nlohmann::json::array()) {
    if (detail.contains("field_violations")) {
      return detail["field_violations"][0].value("field", "");
    }
  }
  return "";
}

HttpClient::HttpClient(int port) : port_(port), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

void HttpClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;  // the server has closed: what it said is to be read
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

namespace {

bool HasBody(const HttpRequest& request) {
  return request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

}  // namespace

std::string HttpClient::Text(const HttpRequest& request) const {
  std::map<std::string, std::string> headers = {{"Host", fmt::format("127.0.0.1:{}", port_)}};
  if (HasBody(request)) {
    headers["Content-Type"] = "application/json";
    headers["Content-Length"] = std::to_string(request.body.size());
  }
  if (!request.token.empty()) {
    headers["Authorization"] = "Bearer " + request.token;
  }
  for (const auto& [name, value] : request.headers) {
    headers[name] = value;
  }
  std::string text = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  for (const auto& [name, value] : headers) {
    text += value.empty() ? "" : fmt::format("{}: {}\r\n", name, value);
  }
  return text + "\r\n" + (HasBody(request) ? request.body : "");
}

bool HttpClient::Fill() {
  char bytes[1 << 14];
  const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
  if (got <= 0) {
    EXPECT_TRUE(got == 0 || errno == ECONNRESET) << "the server says nothing";
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> HttpClient::Line() {
  std::size_t end = std::string::npos;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!Fill()) {
      return std::nullopt;
    }
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

HttpResponse HttpClient::ReadHeader() {
  HttpResponse response;
  const std::optional<std::string> first = Line();
  if (!first || !first->starts_with("HTTP/1.1 ")) {
    return response;
  }
  response.status = std::stoi(first->substr(9));
  for (std::optional<std::string> line = Line(); line && !line->empty(); line = Line()) {
    const std::size_t colon = line->find(": ");
    std::string name = line->substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    response.headers[name] = line->substr(colon + 2);
  }
  return response;
}

std::optional<std::string> HttpClient::ReadChunk() {
  const std::optional<std::string> size = Line();
  if (!size) {
    return std::nullopt;
  }
  const std::size_t bytes = std::stoul(*size, nullptr, 16);
  while (buffer_.size() < bytes + 2) {
    if (!Fill()) {
      return std::nullopt;
    }
  }
  std::string chunk = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes + 2);
  return bytes == 0 ? std::nullopt : std::optional<std::string>(chunk);
}

HttpResponse HttpClient::Read(bool head) {
  HttpResponse response = ReadHeader();
  if (response.headers.contains("transfer-encoding")) {
    while (const std::optional<std::string> chunk = ReadChunk()) {
      response.body += *chunk;
    }
  } else if (!head && response.headers.contains("content-length")) {
    const std::size_t bytes = std::stoul(response.headers["content-length"]);
    while (buffer_.size() < bytes && Fill()) {
    }
    response.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
  }
  return response;
}

HttpResponse HttpClient::Call(const HttpRequest& request) {
  Send(request);
  return Read(request.method == "HEAD");
}

std::optional<std::string> HttpClient::ReadEvent() {
  for (;;) {
    std::size_t end = std::string::npos;
    while ((end = events_.find("\n\n")) == std::string::npos) {
      const std::optional<std::string> chunk = ReadChunk();
      if (!chunk) {
        return std::nullopt;
      }
      events_ += *chunk;
    }
    std::string event = events_.substr(0, end);
    events_.erase(0, end + 2);
    if (!event.starts_with(':')) {
      return event;
    }
  }
}

bool HttpClient::Closed() {
  while (Fill()) {
    buffer_.clear();
  }
  return true;
}

}  // namespace normlab::server
