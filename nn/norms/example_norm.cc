#include "nn/norms/example_norm.h"

#include <fmt/format.h>

#include "nn/error.h"
#include "nn/ops/group_norm.h"
#include "nn/ops/layer_norm.h"

namespace normlab::nn {
namespace {

// Statistics, a gain and a bias over the rows of each column, or of `span` columns as if they were one.
template <typename T>
class ColumnNormalizer final : public BasicNormalizer<T> {
 public:
  ColumnNormalizer(const ExampleNorm& norm, const AffineSpec& affine, const BasicScope<T>& scope, const Site& site,
                   Index span)
      : BasicNormalizer<T>(affine, site), norm_(norm), span_(span), affine_(affine, scope, site.units * span) {}

  bool has_row_form() const override { return affine_.own() && span_ == 1; }
  std::optional<RowNormForm<T>> row_form(BasicTape<T>& tape) override {
    return has_row_form()
               ? std::optional(RowNormForm<T>{true, norm_.center, norm_.eps, affine_.gain(tape), affine_.bias(tape)})
               : std::nullopt;
  }

 private:
  BasicVar<T> normalize(BasicVar<T> a, const Step&, BasicVar<T>) override {
    const auto op = norm_.center ? &layer_norm<T> : &rms_norm<T>;
    return op(a, affine_.gain(a.tape()), affine_.bias(a.tape()), norm_.eps, span_);
  }

  ExampleNorm norm_;
  Index span_;
  Affine<T> affine_;
};

template <typename T>
class GroupNormalizer final : public BasicNormalizer<T> {
 public:
  GroupNormalizer(const GroupedNorm& norm, const AffineSpec& affine, const BasicScope<T>& scope, const Site& site)
      : BasicNormalizer<T>(affine, site), norm_(norm), affine_(affine, scope, site.units) {}

 private:
  BasicVar<T> normalize(BasicVar<T> a, const Step&, BasicVar<T>) override {
    return group_norm(this->site(), norm_.center, a, affine_.gain(a.tape()), affine_.bias(a.tape()), norm_.eps);
  }

  GroupedNorm norm_;
  Affine<T> affine_;
};

}  // namespace

void require_positions(const char* name, const Site& site) {
  if (site.positions < 2) {
    throw Error(
        fmt::format("{}: statistics over the positions of a site that has {}; expected several, or another "
                    "norm for this layer",
                    name, site.positions));
  }
}

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_example_norm(const ExampleNorm& norm, const AffineSpec& affine,
                                                      const BasicScope<T>& scope, const Site& site) {
  if (norm.per_element && norm.over != NormOver::kAll) {
    throw Error(fmt::format("{}: a gain for each element with statistics over a part of them; expected NormOver::kAll",
                            norm.name));
  }
  const GroupedNorm grouped{norm.name, norm.center, norm.eps};
  if (norm.over == NormOver::kPositions) {
    require_positions(norm.name, site);
    return make_grouped_norm(grouped, affine, scope, Site{site.units, site.positions, site.units});
  }
  if (norm.over == NormOver::kAll && site.positions > 1 && !norm.per_element) {
    return make_grouped_norm(grouped, affine, scope, Site{site.units, site.positions, 1});
  }
  return std::make_unique<ColumnNormalizer<T>>(norm, affine, scope, site, norm.per_element ? site.positions : 1);
}

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_grouped_norm(const GroupedNorm& norm, const AffineSpec& affine,
                                                      const BasicScope<T>& scope, const Site& site) {
  if (site.groups < 1 || site.units % site.groups != 0) {
    throw Error(fmt::format("{}: {} groups of {} units; expected groups that share the units evenly", norm.name,
                            site.groups, site.units));
  }
  return std::make_unique<GroupNormalizer<T>>(norm, affine, scope, site);
}

#define NORMLAB_INSTANTIATE(T)                                                                          \
  template std::unique_ptr<BasicNormalizer<T>> make_example_norm(const ExampleNorm&, const AffineSpec&, \
                                                                 const BasicScope<T>&, const Site&);    \
  template std::unique_ptr<BasicNormalizer<T>> make_grouped_norm(const GroupedNorm&, const AffineSpec&, \
                                                                 const BasicScope<T>&, const Site&);
NORMLAB_INSTANTIATE(float)
NORMLAB_INSTANTIATE(double)
#undef NORMLAB_INSTANTIATE

}  // namespace normlab::nn
