// column_set.h - a set of columns of a matrix that costs what it holds and not what it could hold.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/aligned_array.h"

namespace normlab::nn {

// Not thread-safe. Allocates when it is made, only.
class ColumnSet {
 public:
  // Of columns 0 .. columns - 1.
  explicit ColumnSet(Index columns = 0) : is_member_(static_cast<std::size_t>(columns), false) {
    members_.reserve(is_member_.size());
  }

  void insert(std::int32_t column) {
    const auto at = static_cast<std::size_t>(column);
    if (!is_member_[at]) {
      is_member_[at] = true;
      members_.push_back(column);
    }
  }
  void clear() {
    for (const std::int32_t column : members_) {
      is_member_[static_cast<std::size_t>(column)] = false;
    }
    members_.clear();
  }
  Index size() const { return static_cast<Index>(is_member_.size()); }  // columns, members or not
  // Each once, in the order of insertion.
  std::span<const std::int32_t> members() const { return members_; }

 private:
  std::vector<bool> is_member_;
  std::vector<std::int32_t> members_;
};

}  // namespace normlab::nn
