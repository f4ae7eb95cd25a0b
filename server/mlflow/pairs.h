// pairs.h - MLflow's lists of keys and values: tags and parameters.
//
// Thread safety: free functions, any thread.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <map>
#include <string>

#include "mlflow/service.pb.h"
#include "server/mlflow/filter.h"

namespace normlab::server {

using Pairs = google::protobuf::RepeatedPtrField<mlflow::Pair>;

// Nothing if there is no such key.
inline Value FindPair(const Pairs& pairs, const std::string& key) {
  const auto found = std::find_if(pairs.begin(), pairs.end(), [&key](const mlflow::Pair& p) { return p.key() == key; });
  return found == pairs.end() ? Value() : Value(found->value());
}

inline void AddPair(const std::string& key, const std::string& value, Pairs& pairs) {
  mlflow::Pair& pair = *pairs.Add();
  pair.set_key(key);
  pair.set_value(value);
}

inline void AddPairs(const std::map<std::string, std::string>& texts, Pairs& pairs) {
  for (const auto& [key, value] : texts) {
    AddPair(key, value, pairs);
  }
}

}  // namespace normlab::server
