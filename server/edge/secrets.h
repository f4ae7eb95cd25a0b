// secrets.h - what a worker shows to prove who it is and what it holds.
//
// Both are keyed hashes of a name. Nothing is kept for each: a repeated Lease gets the same secret, and a server that was
// restarted with its key knows the attempts of workers that still live.
//
// Thread safety: immutable after making; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "normlab/v1/worker.pb.h"
#include "proto/spec.h"
#include "results/store/store.h"

namespace normlab::server {

class WorkerSecrets {
 public:
  // `key`: random, of this data directory alone.
  explicit WorkerSecrets(std::string key) : key_(std::move(key)) {}

  // The bearer token of a worker that a launcher starts: its id and a proof.
  std::string CredentialOf(std::string_view worker_id) const;
  // The id in a credential; absent for anything that CredentialOf did not make.
  std::optional<std::string> WorkerOf(std::string_view credential) const;

  // An attempt as its worker will name it.
  v1::Attempt Name(store::AttemptId attempt) const;
  // The way back; no other reads an attempt. kPermissionDenied unless the secret is this attempt's, before anything else
  // of the call is looked at. What is malformed is added to `violations`, and the result is not to be used then.
  absl::StatusOr<store::AttemptId> Read(const v1::Attempt& attempt, std::vector<FieldViolation>& violations) const;

 private:
  std::string Sign(std::string_view name) const;
  // How long it takes tells nothing about the proof.
  bool Proves(std::string_view shown, std::string_view name) const;

  const std::string key_;
};

}  // namespace normlab::server
