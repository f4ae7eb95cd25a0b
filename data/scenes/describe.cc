// The grammar of captions.
#include <span>

#include "base/rng.h"
#include "data/scenes/scene.h"

namespace normlab::data {
namespace {

constexpr std::string_view kNumbers[] = {"zero", "one", "two", "three", "four", "five"};
constexpr std::string_view kThings[] = {"things", "shapes", "objects", "figures"};
constexpr std::string_view kVague[] = {"some", "a few", "several"};
constexpr std::string_view kSmall[] = {"small", "little", "tiny"};
constexpr std::string_view kLarge[] = {"large", "big", "huge"};
constexpr std::string_view kColours[kSceneColours] = {"red",    "green",  "blue",  "yellow",
                                                      "orange", "purple", "white", "cyan"};
// Each shape's names.
constexpr std::string_view kShapes[kSceneShapes][2] = {{"circle", "disc"},     {"square", "box"}, {"triangle", "wedge"},
                                                       {"diamond", "lozenge"}, {"cross", "plus"}, {"ring", "hoop"}};
constexpr std::string_view kPlaces[kScenePlaces] = {"top left", "top",         "top right", "left",        "centre",
                                                    "right",    "bottom left", "bottom",    "bottom right"};

// Says things about one scene, choosing among words.
class Speaker {
 public:
  Speaker(const Scene& scene, std::string_view part, std::uint64_t n)
      : scene_(scene), rng_(kSceneSeed, "caption/" + std::string(part), n) {}

  std::string Count() {
    const std::string_view things = Any(kThings);
    switch (rng_.Below(3)) {
      case 0:
        return Joined({kNumbers[scene_.objects.size()], things});
      case 1:
        return Joined({"a picture of", kNumbers[scene_.objects.size()], things});
      default:
        return Joined({Any(kVague), things});
    }
  }
  std::string Colours() {
    return List([](const SceneObject& object) { return std::string(kColours[object.colour]); }) + " " +
           std::string(Any(kThings));
  }
  std::string Shapes() {
    return List([this](const SceneObject& object) { return Joined({"a", Any(kShapes[object.shape])}); });
  }
  std::string ColouredShapes() {
    return List([this](const SceneObject& object) {
      return Joined({Article(kColours[object.colour]), kColours[object.colour], Any(kShapes[object.shape])});
    });
  }
  std::string Everything() {
    return List([this](const SceneObject& object) {
      return Joined({object.large ? Any(kLarge) : Any(kSmall), kColours[object.colour], Any(kShapes[object.shape]),
                     kPlaces[object.place]});
    });
  }

 private:
  static std::string Joined(std::initializer_list<std::string_view> words) {
    std::string text;
    for (const std::string_view word : words) {
      text += text.empty() ? "" : " ";
      text += word;
    }
    return text;
  }
  static std::string_view Article(std::string_view word) { return word.front() == 'o' ? "an" : "a"; }

  std::string_view Any(std::span<const std::string_view> words) { return words[rng_.Below(words.size())]; }

  // "x , y and z", a part for each object.
  template <typename Say>
  std::string List(Say say) const {
    std::string text;
    for (const SceneObject& object : scene_.objects) {
      const bool last = &object == &scene_.objects.back();
      text += text.empty() ? "" : last ? " and " : " , ";
      text += say(object);
    }
    return text;
  }

  const Scene& scene_;
  Rng rng_;
};

}  // namespace

std::array<std::string, kLevels> DescribeScene(const Scene& scene, std::string_view part, std::uint64_t n) {
  Speaker speaker(scene, part, n);
  return {speaker.Count(), speaker.Colours(), speaker.Shapes(), speaker.ColouredShapes(), speaker.Everything()};
}

}  // namespace normlab::data
