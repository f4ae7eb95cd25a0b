#include "results/judging/products.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace normlab::judging {
namespace {

// Far above any paper's, far below what would cost a server something.
constexpr std::size_t kMostEntries = 2000;    // of one product
constexpr std::size_t kMostValues = 100'000;  // of a manifest's products
constexpr std::size_t kLongestText = 4096;

std::vector<Member> ReadMembers(const YamlNode& node, const std::string& path, Problems& problems) {
  std::vector<Member> members;
  if (node.kind == YamlNode::Kind::kList) {
    for (const YamlNode& id : node.items) {
      if (id.kind != YamlNode::Kind::kScalar || id.scalar.empty()) {
        problems.Add(id.mark, fmt::format("{} is expected to hold single values", path));
      } else {
        members.push_back({id.scalar, {}});
      }
    }
    return members;
  }
  for (const auto& [id, words] : NamedEntries(&node, path, problems)) {
    const auto values = NamedValues(words, path + "." + id, problems);
    members.push_back({id, {values.begin(), values.end()}});
  }
  return members;
}

std::size_t CountValues(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) {
    count += CountValues(item);
  }
  for (const auto& entry : node.entries) {
    count += CountValues(entry.value);
  }
  return count;
}

// The names that braces may hold.
std::vector<std::string> NamesOf(const Chosen& chosen) {
  std::vector<std::string> names;
  for (const auto& [set, member] : chosen) {
    names.push_back(set);
    for (const auto& [word, value] : member->words) {
      names.push_back(fmt::format("{}.{}", set, word));
    }
  }
  return names;
}

// What {name} stands for; nullptr for what is not chosen.
const std::string* Find(const std::string& name, const Chosen& chosen) {
  const std::size_t dot = name.find('.');
  const auto member = chosen.find(name.substr(0, dot));
  if (member == chosen.end()) {
    return nullptr;
  }
  if (dot == std::string::npos) {
    return &member->second->id;
  }
  const auto word = member->second->words.find(name.substr(dot + 1));
  return word == member->second->words.end() ? nullptr : &word->second;
}

}  // namespace

Products::Products(const YamlNode* sets, const std::string& path, Problems& problems) : problems_(problems) {
  for (const auto& [name, members] : NamedEntries(sets, path, problems)) {
    sets_.emplace(name, ReadMembers(*members, path + "." + name, problems));
  }
}

std::vector<Chosen> Products::Combinations(const YamlNode& each, const std::string& path) {
  if (each.kind != YamlNode::Kind::kList || each.items.empty()) {
    problems_.Add(each.mark, fmt::format("{}.each is expected to be a list of sets", path));
    return {};
  }
  std::vector<std::string> names;
  for (const auto& [name, members] : sets_) {
    names.push_back(name);
  }
  std::vector<Chosen> all{{}};
  for (const YamlNode& item : each.items) {
    const auto set = sets_.find(item.scalar);
    if (item.kind != YamlNode::Kind::kScalar || set == sets_.end()) {
      problems_.Add(item.mark, fmt::format("{}.each is {}; expected one of the sets: {}{}", path, item.scalar,
                                           fmt::join(names, ", "), DidYouMean(item.scalar, names)));
      return {};
    }
    if (all.front().contains(set->first)) {
      problems_.Add(item.mark, fmt::format("{}.each names {} twice", path, set->first));
      return {};
    }
    if (all.size() * set->second.size() > kMostEntries) {
      problems_.Add(each.mark, fmt::format("{}.each makes more than {} entries", path, kMostEntries));
      return {};
    }
    std::vector<Chosen> more;
    for (const Chosen& chosen : all) {
      for (const Member& member : set->second) {
        more.push_back(chosen);
        more.back()[set->first] = &member;
      }
    }
    all = std::move(more);
  }
  return all;
}

std::string Products::Fill(std::string_view text, const Chosen& chosen, const YamlMark& mark, const std::string& path) {
  std::string filled;
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{')) {
    const std::size_t close = std::min(text.find('}', open), text.size() - 1);
    const std::string name(text.substr(open + 1, close - open - 1));
    const std::string* found = Find(name, chosen);
    if (found == nullptr) {
      const std::vector<std::string> known = NamesOf(chosen);
      problems_.Add(mark, fmt::format("{}: {{{}}} is not known here; expected one of {}{}", path, name,
                                      fmt::join(known, ", "), DidYouMean(name, known)));
      return filled;
    }
    filled.append(text.substr(0, open)).append(*found);
    text.remove_prefix(close + 1);
    if (filled.size() > kLongestText) {
      problems_.Add(mark, fmt::format("{}: becomes longer than {} bytes", path, kLongestText));
      return "";
    }
  }
  return filled.append(text);
}

void Products::FillAll(YamlNode& node, const Chosen& chosen, const std::string& path) {
  node.scalar = Fill(node.scalar, chosen, node.mark, path);
  for (YamlNode& item : node.items) {
    FillAll(item, chosen, path);
  }
  for (auto& [name, mark, value] : node.entries) {
    name = Fill(name, chosen, mark, path);
    FillAll(value, chosen, path);
  }
}

void Products::Expand(const std::string& name, const YamlMark& mark, const YamlNode& value, const std::string& path,
                      std::vector<Entry>& entries) {
  const YamlNode* each = value.Find("each");
  if (each == nullptr) {
    entries.push_back({name, mark, value, {}});
    return;
  }
  YamlNode once = value;
  std::erase_if(once.entries, [](const auto& entry) { return entry.name == "each"; });
  const std::vector<Chosen> combinations = Combinations(*each, path);
  values_ += combinations.size() * CountValues(once);
  if (values_ > kMostValues) {
    problems_.Add(mark, fmt::format("{}: products of more than {} values", path, kMostValues));
    return;
  }
  for (const Chosen& chosen : combinations) {
    Entry& entry = entries.emplace_back(Entry{Fill(name, chosen, mark, path), mark, once, chosen});
    FillAll(entry.value, chosen, path);
  }
}

std::vector<Entry> Products::Names(const YamlNode* map, const std::string& path) {
  std::vector<Entry> entries;
  if (map == nullptr) {
    return entries;
  }
  if (map->kind != YamlNode::Kind::kMap || map->entries.empty()) {
    problems_.Add(map->mark, fmt::format("{} is expected to be a mapping of names, with at least one", path));
    return entries;
  }
  for (const auto& [name, mark, value] : map->entries) {
    Expand(name, mark, value, path + "." + name, entries);
  }
  std::set<std::string> seen;
  std::erase_if(entries, [&](const Entry& entry) { return !CheckName(entry.name, entry.mark, path, seen, problems_); });
  return entries;
}

std::vector<Entry> Products::Items(const YamlNode* list, const std::string& path) {
  std::vector<Entry> entries;
  if (list == nullptr) {
    return entries;
  }
  if (list->kind != YamlNode::Kind::kList) {
    problems_.Add(list->mark, fmt::format("{} is expected to be a list", path));
    return entries;
  }
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    Expand("", list->items[i].mark, list->items[i], fmt::format("{}[{}]", path, i), entries);
  }
  return entries;
}

}  // namespace normlab::judging
