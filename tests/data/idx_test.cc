#include "data/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/rng.h"
#include "data/gzip.h"
#include "testing.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Idx, ReadsShapeAndValues) {
  const auto array = ParseIdx(MakeIdx({2, 3}, "abcdef"), "x");
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(array->shape, ElementsAre(2, 3));
  EXPECT_EQ(array->values, "abcdef");
}

struct BadIdx {
  const char* what;
  std::string bytes;
  const char* says;  // besides the file's name: the offset and the fact
};

class HostileIdx : public testing::TestWithParam<BadIdx> {};

TEST_P(HostileIdx, IsAnErrorThatNamesFileAndOffset) {
  const absl::Status status = ParseIdx(GetParam().bytes, "dir/file").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(HasSubstr("dir/file: "), HasSubstr(GetParam().says)));
}

std::string WithByte(std::string bytes, std::size_t offset, char value) {
  bytes[offset] = value;
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, HostileIdx,
    testing::Values(
        BadIdx{"Empty", "", "ends at byte 0, inside the 4-byte"},
        BadIdx{"EndsInMagic", std::string(3, '\0'), "ends at byte 3, inside the 4-byte"},
        BadIdx{"Text", "<html>not found</html>", "byte 0: not an IDX file, it begins with 0x3c 0x68"},
        BadIdx{"FloatType", WithByte(MakeIdx({1}, "a"), 2, 0x0d), "byte 2: value type 0x0d, expected 0x08"},
        BadIdx{"NoDimensions", WithByte(MakeIdx({1}, "a"), 3, 0), "byte 3: the array has no dimensions"},
        BadIdx{"EndsInHeader", MakeIdx({2, 3}, "").substr(0, 9), "ends at byte 9, inside the header of 12 bytes"},
        BadIdx{"ManyDimensions", WithByte(MakeIdx({1}, "a"), 3, '\xff'), "inside the header of 1024 bytes"},
        BadIdx{"Truncated", MakeIdx({2, 3}, "abcde"), "byte 8: extent 3 of dimension 1 does not fit the 5 bytes"},
        BadIdx{"TooLong", MakeIdx({2, 3}, "abcdefg"), "byte 18: 1 bytes follow the last value"},
        BadIdx{"ZeroExtent", MakeIdx({0, 3}, ""), "byte 4: extent 0 of dimension 0"},
        BadIdx{"Extent2To31", MakeIdx({0x80000000u}, "abc"), "byte 4: extent 2147483648 of dimension 0"},
        BadIdx{"ProductOverflows", MakeIdx({0xffffffffu, 0xffffffffu, 0xffffffffu}, "abc"),
               "byte 4: extent 4294967295"},
        // 2^16 * 2^16 * 2^16 * 2^16 = 2^64 wraps to 0 in 64 bits
        BadIdx{"ProductWrapsToZero", MakeIdx({65536, 65536, 65536, 65536}, std::string(65536, 'x')),
               "byte 8: extent 65536 of dimension 1"}),
    [](const auto& info) { return info.param.what; });

TEST(Gzip, PlainAndCompressedGiveTheSame) {
  const std::string content(100000, 'q');
  EXPECT_EQ(*Uncompressed(content, 100000, "x"), content);
  EXPECT_EQ(*Uncompressed(Gzip(content), 100000, "x"), content);
}

TEST(Gzip, ReadsAllMembers) { EXPECT_EQ(*Uncompressed(Gzip("one, ") + Gzip("two"), 8, "x"), "one, two"); }

TEST(Gzip, StopsAtTheBound) {
  const absl::Status plain = Uncompressed("abcdef", 5, "dir/plain").status();
  EXPECT_THAT(Message(plain), HasSubstr("dir/plain: 6 bytes, expected at most 5"));
  // 64 MiB in 65 KB; more than the bound's megabyte must never be held. gtest has no view on memory, so ask for the
  // offset: the reader must have given up within a twentieth of the compressed bytes.
  const std::string bomb = Gzip(std::string(std::size_t{1} << 26, '\0'));
  const absl::Status status = Uncompressed(bomb, 1 << 20, "dir/bomb").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  int offset = 0;
  ASSERT_EQ(std::sscanf(Message(status).c_str(), "dir/bomb: at compressed byte %d", &offset), 1) << status;
  EXPECT_LT(offset, static_cast<int>(bomb.size() / 20));
}

TEST(Gzip, TruncatedAndCorruptNameTheOffset) {
  const std::string good = Gzip("a text that is long enough to be compressed, compressed, compressed");
  const absl::Status truncated = Uncompressed(good.substr(0, good.size() - 5), 1000, "dir/f.gz").status();
  EXPECT_EQ(truncated.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(truncated),
              AllOf(HasSubstr("dir/f.gz: bad gzip data at compressed byte"), HasSubstr("unexpected end")));
  std::string corrupt = good;
  corrupt[corrupt.size() - 6] ^= 1;  // in the CRC
  EXPECT_THAT(Message(Uncompressed(corrupt, 1000, "f").status()), HasSubstr("incorrect data check"));
  EXPECT_THAT(Message(Uncompressed(good.substr(0, 2), 1000, "f").status()), HasSubstr("unexpected end"));
}

TEST(Gzip, RefusesAFileThatIsTooLongBeforeReadingItAndWhatIsNoFile) {
  const TestDirectory dir;
  const std::string path = dir.Write("big", "0123456789");
  EXPECT_THAT(Message(ReadBounded(path, 9).status()), HasSubstr("10 bytes, expected at most 9"));
  EXPECT_EQ(*ReadBounded(path, 10), "0123456789");
  EXPECT_THAT(Message(ReadBounded(dir.path(), 10).status()), HasSubstr("not a regular file"));
  EXPECT_EQ(ReadBounded(dir.path() + "/none", 10).status().code(), absl::StatusCode::kNotFound);
}

// Damages `bytes` in one to four places: a byte changed, a stretch cut out, doubled, or the end cut off.
std::string Mutate(std::string bytes, Rng& rng) {
  const std::uint64_t changes = 1 + rng.Below(4);
  for (std::uint64_t i = 0; i < changes && !bytes.empty(); ++i) {
    // Half of the damage hits the header, where it can lie.
    const std::size_t at =
        static_cast<std::size_t>(rng.Below(rng.Below(2) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 20)));
    const std::size_t length = static_cast<std::size_t>(rng.Below(9));
    switch (rng.Below(4)) {
      case 0:
        bytes[at] = static_cast<char>(rng.Below(256));
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

// The sanitizer builds give this test its teeth; in any build an accepted file must be consistent.
TEST(Idx, SurvivesThousandsOfMutations) {
  const std::string good = MakeIdx({7, 5, 3}, std::string(105, 'v'));
  const std::string compressed = Gzip(good);
  int accepted = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    Rng rng(1, "idx-mutation", i);
    const std::string mutated = Mutate(i % 2 == 0 ? good : compressed, rng);
    const absl::StatusOr<std::string> content = Uncompressed(mutated, 4096, "fuzz");
    const absl::StatusOr<IdxArray> array = content.ok() ? ParseIdx(*content, "fuzz") : content.status();
    if (!array.ok()) {
      ASSERT_THAT(Message(array.status()), HasSubstr("fuzz: ")) << "mutation " << i;
      continue;
    }
    ++accepted;
    std::int64_t product = 1;
    for (const std::int64_t extent : array->shape) {
      product *= extent;
    }
    ASSERT_EQ(product, static_cast<std::int64_t>(array->values.size())) << "mutation " << i;
  }
  EXPECT_GT(accepted, 100);  // changed pixels are still a file; else the mutations test nothing but the first check
  EXPECT_LT(accepted, 19000);
}

}  // namespace
}  // namespace normlab::data
