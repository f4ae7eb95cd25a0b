#include "data/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normlab::data {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Registry, HoldsTheDatasetsOfTheExperiments) {
  ASSERT_NE(FindDataset("mnist"), nullptr);
  ASSERT_NE(FindDataset("fashion_mnist"), nullptr);
  ASSERT_NE(FindDataset("cifar10"), nullptr);
  ASSERT_NE(FindDataset("binarized_mnist"), nullptr);
  ASSERT_NE(FindDataset("sampled_mnist"), nullptr);
  EXPECT_EQ(FindDataset("mnist2"), nullptr);
}

TEST(Registry, EveryEntryIsComplete) {
  for (const DatasetInfo& dataset : Datasets()) {
    SCOPED_TRACE(dataset.name);
    EXPECT_FALSE(dataset.title.empty());
    EXPECT_FALSE(dataset.licence.empty());
    EXPECT_FALSE(dataset.source.empty());
    EXPECT_FALSE(dataset.obtain.empty());
    EXPECT_TRUE(!dataset.version.empty() || !dataset.files.empty());
    // What is not pinned by hashes is named by a version.
    for (const DataFile& file : dataset.files) {
      EXPECT_THAT(file.sha256, MatchesRegex(dataset.version.empty() ? "[0-9a-f]{64}" : "([0-9a-f]{64})?"));
      EXPECT_GT(file.bytes, 0);
      for (const std::string& candidate : file.candidates) {
        EXPECT_THAT(candidate, HasSubstr("/" + file.name));
      }
    }
  }
}

TEST(Registry, DatasetHashDependsOnEveryFileAndTheirOrder) {
  DatasetInfo dataset = *FindDataset("mnist");
  const std::string hash = DatasetSha256(dataset);
  EXPECT_NE(hash, DatasetSha256(*FindDataset("fashion_mnist")));
  std::swap(dataset.files[0].sha256, dataset.files[1].sha256);
  EXPECT_NE(DatasetSha256(dataset), hash);
}

// The same files, another set: the version tells them apart.
TEST(Registry, DatasetHashDependsOnTheVersion) {
  EXPECT_NE(DatasetSha256(*FindDataset("mnist")), DatasetSha256(*FindDataset("sampled_mnist")));
}

// A job's identity contains this value: changing it would orphan every stored result.
TEST(Registry, HashOfMnistIsFixed) {
  EXPECT_EQ(DatasetSha256(*FindDataset("mnist")), "c65580678af93f1ea48c2c0d01d543ec89307c6b8a0eb7ca542d7c18c5f4c681");
}

}  // namespace
}  // namespace normlab::data
