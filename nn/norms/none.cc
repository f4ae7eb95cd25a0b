#include "nn/norms/none.h"

#include "nn/ops/linear.h"

namespace normlab::nn {
namespace {

template <typename T>
class Identity final : public BasicNormalizer<T> {
 public:
  using BasicNormalizer<T>::BasicNormalizer;

  std::optional<RowNormForm<T>> row_form(BasicTape<T>&) override {
    return has_row_form() ? std::optional(RowNormForm<T>{}) : std::nullopt;
  }
  bool has_row_form() const override { return !this->outside(); }

 private:
  BasicVar<T> normalize(BasicVar<T> a, const Step&, BasicVar<T>) override { return a; }
};

template <typename T>
class Bias final : public BasicNormalizer<T> {
 public:
  Bias(const AffineSpec& affine, const BasicScope<T>& scope, const Site& site)
      : BasicNormalizer<T>(affine, site), bias_(scope.vector("bias", site.units, init::constant(affine.bias_init))) {}

 private:
  BasicVar<T> normalize(BasicVar<T> a, const Step&, BasicVar<T>) override {
    return add_bias(a, a.tape().parameter(bias_));
  }

  BasicParameter<T>& bias_;
};

}  // namespace

template <typename T>
std::unique_ptr<BasicNormalizer<T>> make_norm(const NoNorm&, const AffineSpec& affine, const BasicScope<T>& scope,
                                              const Site& site) {
  if (affine.source == AffineSource::kOwn && affine.bias) {
    return std::make_unique<Bias<T>>(affine, scope, site);
  }
  return std::make_unique<Identity<T>>(affine, site);
}

template std::unique_ptr<BasicNormalizer<float>> make_norm(const NoNorm&, const AffineSpec&, const BasicScope<float>&,
                                                           const Site&);
template std::unique_ptr<BasicNormalizer<double>> make_norm(const NoNorm&, const AffineSpec&, const BasicScope<double>&,
                                                            const Site&);

}  // namespace normlab::nn
