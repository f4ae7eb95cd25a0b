// products.h - what a manifest says once for each member of named sets: `sets` and `each`.
//
//     sets: {norm: {batch: {label: BatchNorm}, layer: {label: LayerNorm}}}
//     arms: {"{norm}_4": {each: [norm], label: "{norm.label}", fields: {norm: "{norm}", batch_size: 4}}}
//
// An entry with `each` stands for one entry per combination, the first set changing slowest; {norm} is a member's id,
// {norm.label} one of its words.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "results/judging/map_reader.h"

namespace normlab::judging {

struct Member {
  std::string id;
  std::map<std::string, std::string, std::less<>> words;  // "label" -> "BatchNorm"
};
using Sets = std::map<std::string, std::vector<Member>, std::less<>>;
// What a combination has chosen of each set. Borrows the sets.
using Chosen = std::map<std::string, const Member*, std::less<>>;

struct Entry {
  std::string name;  // of a mapping's entry; empty in a list
  YamlMark mark;
  YamlNode value;  // without `each`, its texts filled in
  Chosen chosen;
};

class Products {
 public:
  // `sets`: a mapping of names to lists of ids or mappings of ids to words; nullptr: none.
  Products(const YamlNode* sets, const std::string& path, Problems& problems);

  // Entries of a mapping of names in file order; names are checked, and each stands once.
  std::vector<Entry> Names(const YamlNode* map, const std::string& path);
  // Entries of a list; nullptr has none.
  std::vector<Entry> Items(const YamlNode* list, const std::string& path);
  // `text` with what is chosen filled in; a brace that names nothing chosen is a problem.
  std::string Fill(std::string_view text, const Chosen& chosen, const YamlMark& mark, const std::string& path);

 private:
  std::vector<Chosen> Combinations(const YamlNode& each, const std::string& path);
  void FillAll(YamlNode& node, const Chosen& chosen, const std::string& path);
  void Expand(const std::string& name, const YamlMark& mark, const YamlNode& value, const std::string& path,
              std::vector<Entry>& entries);

  Sets sets_;
  Problems& problems_;
  std::size_t values_ = 0;  // of all entries so far
};

}  // namespace normlab::judging
