// claim_reader.h - what an item claims: its printed table, each cell of which may be a claim, and its list of claims.
#pragma once

#include <string>
#include <vector>

#include "results/judging/manifest.h"
#include "results/judging/map_reader.h"
#include "results/judging/products.h"

namespace normlab::judging {

constexpr double kHuge = 1e300;  // the largest number a manifest may hold

template <typename T>
std::vector<std::string> IdsOf(const std::vector<T>& things) {
  std::vector<std::string> ids;
  for (const T& thing : things) {
    ids.push_back(thing.id);
  }
  return ids;
}

// How the item's arms and metrics were chosen from sets, to name the claims of table cells.
struct ChosenOf {
  std::vector<Chosen> arms;
  std::vector<Chosen> metrics;
};

// Fills item.table and item.claims from the keys `table` and `claims`, in this order. Axes, arms, metrics, budgets and
// references of the item are read before.
void ReadClaims(MapReader& map, Products& products, const ChosenOf& chosen, Item& item, Problems& problems);

}  // namespace normlab::judging
