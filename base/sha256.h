// sha256.h - identities of jobs, fingerprints of results, checks of data files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace normlab {

// Incremental SHA-256. Not thread-safe; movable.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view data);
  // Ends the hash and returns it in lower-case hexadecimal (64 characters). The object is then spent.
  std::string Hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(std::string_view data);

// Whether `text` is a hash as the functions above write it.
bool IsSha256Hex(std::string_view text);

}  // namespace normlab
