#include "client/contexts.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "base/nearest.h"
#include "proto/names.h"
#include "proto/spec_text.h"

namespace normlab::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxBytes = 1 << 20;
constexpr std::size_t kMaxName = 64;

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Part {
  const char* key;
  std::string Endpoint::*member;
};
constexpr Part kParts[] = {{"home", &Endpoint::home},       {"socket", &Endpoint::socket},
                           {"address", &Endpoint::address}, {"token_file", &Endpoint::token_file},
                           {"ca", &Endpoint::ca},           {"cert", &Endpoint::cert},
                           {"key", &Endpoint::key}};
// Parts that go with an address which came from elsewhere than a context, by the variables that name them.
constexpr Part kFiles[] = {{"NORMLAB_TOKEN_FILE", &Endpoint::token_file},
                           {"NORMLAB_CA", &Endpoint::ca},
                           {"NORMLAB_CERT", &Endpoint::cert},
                           {"NORMLAB_KEY", &Endpoint::key}};

absl::Status Damaged(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("{}: {}; correct or remove the file", ContextsFile(), what));
}

absl::StatusOr<Contexts> Parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("contexts") || !json["contexts"].is_object()) {
    return Damaged("is not a list of contexts");
  }
  Contexts contexts;
  if (json.contains("current") && json["current"].is_string()) {
    contexts.current = json["current"].get<std::string>();
  }
  for (const auto& [name, value] : json["contexts"].items()) {
    Endpoint& endpoint = contexts.named[name];
    if (!value.is_object()) {
      return Damaged(fmt::format("context {} is not an object", Shown(name)));
    }
    for (const Part& part : kParts) {
      if (value.contains(part.key) && value[part.key].is_string()) {
        endpoint.*part.member = value[part.key].get<std::string>();
      }
    }
  }
  return contexts;
}

absl::StatusOr<Endpoint> FindContext(const std::string& name) {
  NORMLAB_ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
  const auto found = contexts.named.find(name);
  if (found != contexts.named.end()) {
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [known, endpoint] : contexts.named) {
    names.push_back(known);
  }
  return absl::NotFoundError(
      fmt::format("there is no context {}{}; add it with: normlab context add {} --address HOST:PORT", name,
                  DidYouMean(Nearest(name, names)), name));
}

}  // namespace

std::string ContextsFile() {
  const std::string config = Variable("XDG_CONFIG_HOME");
  if (!config.empty() && config[0] == '/') {  // others are to be ignored (XDG base directories)
    return config + "/normlab/contexts.json";
  }
  const std::string home = Variable("HOME");
  return home.empty() ? "" : home + "/.config/normlab/contexts.json";
}

absl::StatusOr<Contexts> LoadContexts() {
  const std::string path = ContextsFile();
  if (path.empty() || !std::filesystem::exists(path)) {
    return Contexts();
  }
  NORMLAB_ASSIGN_OR_RETURN(const std::unique_ptr<ReadableFile> file, PosixFileSystem().Open(path));
  NORMLAB_ASSIGN_OR_RETURN(const std::string text, ReadSmall(*file, kMaxBytes));
  return Parse(text);
}

absl::Status SaveContexts(const Contexts& contexts) {
  const std::string path = ContextsFile();
  if (path.empty()) {
    return absl::InvalidArgumentError("contexts have no place: neither XDG_CONFIG_HOME nor HOME is set");
  }
  Json named = Json::object();
  for (const auto& [name, endpoint] : contexts.named) {
    Json parts = Json::object();
    for (const Part& part : kParts) {
      if (!(endpoint.*part.member).empty()) {
        parts[part.key] = endpoint.*part.member;
      }
    }
    named[name] = std::move(parts);
  }
  const Json json{{"current", contexts.current}, {"contexts", std::move(named)}};
  NORMLAB_RETURN_IF_ERROR(PosixFileSystem().MakeDirectories(std::filesystem::path(path).parent_path().string()));
  return PosixFileSystem().AtomicWrite(path, json.dump(2) + "\n");
}

absl::Status CheckContextName(const std::string& name) {
  return IsName(name, false) && name.size() <= kMaxName
             ? absl::OkStatus()
             : absl::InvalidArgumentError(
                   fmt::format("{} is not a context's name; expected letters, digits, '.', '_' and '-', at most {}",
                               Shown(name), kMaxName));
}

absl::StatusOr<Endpoint> ResolveEndpoint(const Endpoint& options, const std::string& context) {
  Endpoint endpoint = options;
  const bool given = !options.home.empty() || !options.socket.empty() || !options.address.empty();
  if (given && !context.empty()) {
    return absl::InvalidArgumentError("--context names a server, and so does --home, --socket or --address; give one");
  }
  std::string name = context;
  if (!given && name.empty()) {
    endpoint.address = Variable("NORMLAB_ADDRESS");
    if (endpoint.address.empty() && Variable("NORMLAB_HOME").empty()) {
      name = Variable("NORMLAB_CONTEXT");
      if (name.empty()) {
        NORMLAB_ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
        name = contexts.current;
      }
    }
  }
  if (!name.empty()) {
    NORMLAB_ASSIGN_OR_RETURN(endpoint, FindContext(name));
    for (const Part& file : kFiles) {
      endpoint.*file.member = (options.*file.member).empty() ? endpoint.*file.member : options.*file.member;
    }
  } else if (!endpoint.address.empty()) {
    for (const Part& file : kFiles) {
      endpoint.*file.member = (endpoint.*file.member).empty() ? Variable(file.key) : endpoint.*file.member;
    }
  }
  return endpoint;
}

}  // namespace normlab::client
