#include "nn/norms/weight.h"

#include <vector>

#include "nn/norms/none.h"
#include "nn/ops/weight_norm.h"

namespace normlab::nn {
namespace {

// Of the summed inputs it is what NoNorm is.
template <typename T>
class WeightNormalizer final : public BasicNormalizer<T> {
 public:
  WeightNormalizer(const AffineSpec& affine, const BasicScope<T>& scope, const Site& site)
      : BasicNormalizer<T>(affine, site),
        gain_(affine.source == AffineSource::kOwn
                  ? &(scope / "norm").vector("gain", site.units, init::constant(affine.gain_init))
                  : nullptr),
        ones_(static_cast<std::size_t>(gain_ != nullptr ? 0 : site.units), T{1}),
        sums_(make_norm(NoNorm{}, inner(affine), scope, site)) {}

  BasicVar<T> weight(BasicVar<T> v) override {
    BasicTape<T>& tape = v.tape();
    return weight_norm(
        v, gain_ != nullptr ? tape.parameter(*gain_) : tape.input("ones", ones_.data(), this->site().units, 1));
  }
  std::optional<RowNormForm<T>> row_form(BasicTape<T>& tape) override {
    return has_row_form() ? sums_->row_form(tape) : std::nullopt;
  }
  bool has_row_form() const override { return !this->outside() && sums_->has_row_form(); }

 private:
  // An affine part from outside is this site's to apply, not the inner one's.
  static AffineSpec inner(AffineSpec affine) {
    affine.source = affine.source == AffineSource::kOutside ? AffineSource::kNone : affine.source;
    return affine;
  }
  BasicVar<T> normalize(BasicVar<T> a, const Step& step, BasicVar<T> mask) override {
    return sums_->masked_sums(a, step, mask);
  }

  BasicParameter<T>* gain_;  // of the store; null: ones
  std::vector<T> ones_;
  std::unique_ptr<BasicNormalizer<T>> sums_;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const WeightNorm&, const AffineSpec& affine, const BasicScope<T>& scope,
                                              const Site& site) {
  return std::make_unique<WeightNormalizer<T>>(affine, scope, site);
}

template std::unique_ptr<BasicNormalizer<float>> make_norm(const WeightNorm&, const AffineSpec&,
                                                           const BasicScope<float>&, const Site&);
template std::unique_ptr<BasicNormalizer<double>> make_norm(const WeightNorm&, const AffineSpec&,
                                                            const BasicScope<double>&, const Site&);

}  // namespace normlab::nn
