#include "data/scenes/scene.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "base/sha256.h"

namespace normlab::data {
namespace {

std::vector<std::string> Words(const std::string& caption) {
  std::istringstream in(caption);
  return {std::istream_iterator<std::string>(in), {}};
}

TEST(Scenes, HaveTwoToFiveObjectsInPlacesOfTheirOwn) {
  std::set<std::size_t> sizes;
  for (std::uint64_t n = 0; n < 500; ++n) {
    const Scene scene = DrawScene("train", n);
    sizes.insert(scene.objects.size());
    std::set<int> places;
    for (const SceneObject& object : scene.objects) {
      EXPECT_TRUE(places.insert(object.place).second);
      EXPECT_LT(std::abs(object.x - (object.place % 3 + 0.5) * kSceneSide / 3), 1.0);
    }
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{2, 3, 4, 5}));
}

// Each caption says less than the next: the numbers of words tell, and the objects named.
TEST(Scenes, AreDescribedFromVagueToExact) {
  Scene scene;
  scene.objects = {{.shape = 0, .colour = 0, .large = true, .place = 0, .x = 5, .y = 5},
                   {.shape = 5, .colour = 4, .large = false, .place = 4, .x = 16, .y = 16}};
  for (std::uint64_t n = 0; n < 50; ++n) {
    const auto captions = DescribeScene(scene, "train", n);
    EXPECT_THAT(captions[0], testing::MatchesRegex("(two|a picture of two|some|a few|several) "
                                                   "(things|shapes|objects|figures)"));
    EXPECT_THAT(captions[1], testing::MatchesRegex("red and orange (things|shapes|objects|figures)"));
    EXPECT_THAT(captions[2], testing::MatchesRegex("a (circle|disc) and a (ring|hoop)"));
    EXPECT_THAT(captions[3], testing::MatchesRegex("a red (circle|disc) and an orange (ring|hoop)"));
    EXPECT_THAT(captions[4], testing::MatchesRegex("(large|big|huge) red (circle|disc) top left and "
                                                   "(small|little|tiny) orange (ring|hoop) centre"));
  }
}

TEST(Scenes, HaveASmallVocabularyAndShortCaptions) {
  std::set<std::string> words;
  std::size_t longest = 0;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    for (const std::string& caption : DescribeScene(DrawScene("train", n), "train", n)) {
      const std::vector<std::string> own = Words(caption);
      words.insert(own.begin(), own.end());
      longest = std::max(longest, own.size());
      std::string joined;
      for (const std::string& word : own) {
        joined += (joined.empty() ? "" : " ") + word;
      }
      EXPECT_EQ(joined, caption) << "one blank between words";
    }
  }
  EXPECT_LE(words.size(), 62u) << "proto/footprint.cc counts 64 numbers of words";
  EXPECT_LE(longest, 31u) << "and 32 steps";
}

TEST(Scenes, AreDrawnWhereTheyAre) {
  Scene scene;
  scene.ground = 0.1;
  scene.objects = {{.shape = 1, .colour = 0, .large = true, .place = 0, .x = 5.3, .y = 5.3}};
  std::vector<float> pixels(3 * kSceneSide * kSceneSide, -1.0f);
  RenderScene(scene, pixels.data());
  const auto red = [&](std::int64_t x, std::int64_t y) { return pixels[static_cast<std::size_t>(3 * (y * 32 + x))]; };
  EXPECT_FLOAT_EQ(red(5, 5), 0.9f);
  EXPECT_FLOAT_EQ(red(0, 0), 0.1f);
  EXPECT_FLOAT_EQ(red(16, 16), 0.1f);
  EXPECT_TRUE(std::all_of(pixels.begin(), pixels.end(), [](float v) { return v >= 0.0f && v <= 1.0f; }));
}

TEST(Scenes, OfTwoPartsDiffer) {
  const auto text = [](std::string_view part) { return DescribeScene(DrawScene(part, 3), part, 3)[4]; };
  EXPECT_NE(text("train"), text("validation"));
  EXPECT_NE(text("test"), text("validation"));
}

// What every stored run on scenes was fed: if this changes, so must the version in data/registry.cc.
TEST(Scenes, AreThoseOfTheirVersion) {
  std::string all;
  std::vector<float> pixels(3 * kSceneSide * kSceneSide);
  for (std::uint64_t n = 0; n < 100; ++n) {
    const Scene scene = DrawScene("train", n);
    for (const std::string& caption : DescribeScene(scene, "train", n)) {
      all += caption + "\n";
    }
    RenderScene(scene, pixels.data());
    all.append(reinterpret_cast<const char*>(pixels.data()), pixels.size() * sizeof(float));
  }
  EXPECT_EQ(Sha256Hex(all), "54c462d7f2013d785c14af6f604278f0e389a71e824004992253a4ca0e124471");
}

}  // namespace
}  // namespace normlab::data
