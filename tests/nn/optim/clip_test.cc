#include "nn/optim/clip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "nn/error.h"
#include "tests/nn/optim/reference_numbers.h"

namespace normlab::nn {
namespace {

// The reference's first gradients: of a weight [2 x 3] and a bias [3].
template <typename T>
class Gradients {
 public:
  Gradients() {
    BasicParameter<T>& weight = store_.add("weight", {2, 3}, init::zeros());
    BasicParameter<T>& bias = store_.add("bias", {3}, init::zeros());
    for (auto& [p, g] :
         {std::pair{&weight, reference::kGradients[0]}, std::pair{&bias, reference::kGradients[0] + 6}}) {
      std::transform(g, g + p->size(), p->gradient_memory(), [](double v) { return static_cast<T>(v); });
      *p->gradient_flag() = true;
      parameters_.push_back(p);
    }
  }

  BasicParameterStore<T>& store() { return store_; }
  T& at(std::size_t parameter, Index i) { return parameters_[parameter]->gradient_memory()[i]; }
  std::vector<double> values(double scale) {
    std::vector<double> all;
    for (BasicParameter<T>* p : parameters_) {
      std::transform(p->gradient(), p->gradient() + p->size(), std::back_inserter(all),
                     [scale](T v) { return scale * v; });
    }
    return all;
  }

 private:
  BasicParameterStore<T> store_{1};
  std::vector<BasicParameter<T>*> parameters_;
};

constexpr ClipSpec kSpecs[] = {{.kind = ClipKind::kGlobalNorm, .limit = 0.5},
                               {.kind = ClipKind::kPerTensor, .limit = reference::kTensorLimit},
                               {.kind = ClipKind::kPerValue, .limit = 0.4}};

template <typename T>
void expect_pytorchs_gradients(double tolerance) {
  static_assert(std::size(kSpecs) == std::size(reference::kClipped));
  for (std::size_t c = 0; c < std::size(kSpecs); ++c) {
    SCOPED_TRACE(reference::kClipped[c].name);
    Gradients<T> gradients;
    const ClippedGradients clipped = clip_gradients(gradients.store(), kSpecs[c], GradientNorm::kAlways);
    EXPECT_NEAR(*clipped.norm, reference::kNorm, tolerance);
    const std::vector<double> values = gradients.values(clipped.scale);
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(values[i], reference::kClipped[c].values[i], tolerance) << i;
    }
  }
}

TEST(Clip, GivesPyTorchsGradients) {
  expect_pytorchs_gradients<double>(1e-14);
  expect_pytorchs_gradients<float>(3e-7);
}

TEST(Clip, TheGlobalNormLeavesTheGradientsToTheStep) {
  Gradients<double> gradients;
  const std::vector<double> before = gradients.values(1.0);
  EXPECT_DOUBLE_EQ(
      clip_gradients(gradients.store(), {.kind = ClipKind::kGlobalNorm, .limit = reference::kNorm / 4}).scale, 0.25);
  EXPECT_EQ(gradients.values(1.0), before);
}

TEST(Clip, GradientsWithinTheLimitStayAsTheyAre) {
  for (ClipSpec spec : kSpecs) {
    Gradients<float> gradients;
    const std::vector<double> before = gradients.values(1.0);
    spec.limit = 1e3;
    EXPECT_EQ(clip_gradients(gradients.store(), spec).scale, 1.0);
    EXPECT_EQ(gradients.values(1.0), before);
  }
}

TEST(Clip, TheNormIsGivenWhenAskedForOrNeeded) {
  Gradients<double> gradients;
  EXPECT_FALSE(clip_gradients(gradients.store(), {}).norm.has_value());
  EXPECT_FALSE(clip_gradients(gradients.store(), {.kind = ClipKind::kPerValue, .limit = 1e3}).norm.has_value());
  EXPECT_NEAR(*clip_gradients(gradients.store(), {}, GradientNorm::kAlways).norm, reference::kNorm, 1e-14);
  EXPECT_NEAR(*clip_gradients(gradients.store(), {.kind = ClipKind::kGlobalNorm, .limit = 1.0}).norm, reference::kNorm,
              1e-14);
}

// A run that diverges must be seen to do so, in the norm and in the next weights.
TEST(Clip, NaNShows) {
  for (const ClipSpec& spec : kSpecs) {
    Gradients<float> gradients;
    gradients.at(1, 2) = std::nanf("");
    const ClippedGradients clipped = clip_gradients(gradients.store(), spec, GradientNorm::kAlways);
    EXPECT_TRUE(std::isnan(*clipped.norm));
    const std::vector<double> values = gradients.values(clipped.scale);
    EXPECT_TRUE(std::isnan(values.back()));
    // All that a norm is of shares its fate.
    EXPECT_EQ(std::isnan(values[6]), spec.kind != ClipKind::kPerValue);
  }
}

TEST(Clip, InfinityShowsInTheNorm) {
  for (const ClipSpec& spec : kSpecs) {
    Gradients<float> gradients;
    gradients.at(0, 0) = HUGE_VALF;
    EXPECT_TRUE(std::isinf(*clip_gradients(gradients.store(), spec, GradientNorm::kAlways).norm));
  }
}

TEST(Clip, ALimitThatIsNoneIsRefused) {
  Gradients<float> gradients;
  for (ClipSpec spec : kSpecs) {
    for (const double limit : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
      spec.limit = limit;
      EXPECT_THROW(clip_gradients(gradients.store(), spec), Error) << limit;
    }
  }
  EXPECT_NO_THROW(clip_gradients(gradients.store(), {}));
}

}  // namespace
}  // namespace normlab::nn
