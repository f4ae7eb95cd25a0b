// computed_by.h - what a job's facts say of the code and the instruction set that computed it.
//
// Thread safety: free functions, any thread.
#pragma once

#include <map>
#include <string>

namespace normlab::server {

// "numerics revision 1, model revision 1, AVX3/libm.5c1f09ab"; empty for facts that do not tell.
std::string ComputedByText(const std::map<std::string, std::string>& facts);

}  // namespace normlab::server
