// computed_by.h - what a job's facts say of the code and the instruction set that computed it, and of what it was fed.
//
// Thread safety: free functions, any thread.
#pragma once

#include <map>
#include <string>

namespace normlab::server {

// The fact that holds the SHA-256 of a data set that the registry does not pin.
inline constexpr char kContentFact[] = "data_sha256";
// Its first digits, enough to tell contents apart; empty without that fact.
std::string ContentText(const std::map<std::string, std::string>& facts);

// "numerics revision 1, model revision 1, AVX3/libm.5c1f09ab", for imported data with ", data 0123456789ab"; empty for
// facts that do not tell.
std::string ComputedByText(const std::map<std::string, std::string>& facts);

}  // namespace normlab::server
