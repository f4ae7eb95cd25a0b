// .npy files as NumPy writes them, and every way in which one may lie.
#include "data/npy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace normlab::data {
namespace {

using ::testing::HasSubstr;

// Magic, version and length in front of a dictionary, padded to 64 bytes as NumPy does.
std::string File(const std::string& dictionary, std::size_t values, int version = 1) {
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  std::string text = dictionary;
  while ((8 + length_bytes + text.size() + 1) % 64 != 0) {
    text += ' ';
  }
  text += '\n';
  std::string file = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
  for (std::size_t i = 0; i < length_bytes; ++i) {
    file += static_cast<char>(text.size() >> (8 * i));
  }
  return file + text + std::string(4 * values, 'v');
}

absl::StatusOr<NpyMatrix> Parse(const std::string& file) {
  return ParseNpyHeader(std::string_view(file).substr(0, kMostNpyHeader), file.size(), "x.npy");
}

std::string Why(const std::string& file) {
  const auto parsed = Parse(file);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(parsed.status()), ::testing::StartsWith("x.npy: "));
  return Message(parsed.status());
}

std::string Dictionary(const std::string& descr, const std::string& order, const std::string& shape) {
  return fmt::format("{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}", descr, order, shape);
}
std::string Shape(const std::string& shape) { return Dictionary("'<f4'", "False", shape); }

TEST(Npy, ReadsWhatNumPyWrites) {
  for (const int version : {1, 2}) {
    const std::string file = File(Shape("(3, 5)"), 15, version);
    const auto matrix = Parse(file);
    ASSERT_TRUE(matrix.ok()) << matrix.status();
    EXPECT_EQ(matrix->rows, 3);
    EXPECT_EQ(matrix->columns, 5);
    EXPECT_EQ(matrix->offset, file.size() - 60);
  }
  EXPECT_TRUE(Parse(File("{\"shape\":(1,2),'fortran_order':False,'descr':'<f4'}", 2)).ok());
}

TEST(Npy, WritesWhatItReads) {
  for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{113287}}) {
    const std::string header = NpyHeader(rows, 4096);
    EXPECT_EQ(header.size() % 64, 0u);
    const auto bytes = header.size() + 4 * 4096 * static_cast<std::uint64_t>(rows);
    const auto matrix = ParseNpyHeader(header, bytes, "x.npy");
    ASSERT_TRUE(matrix.ok()) << matrix.status();
    EXPECT_EQ(matrix->rows, rows);
    EXPECT_EQ(matrix->offset, header.size());
  }
}

TEST(Npy, RefusesPickledObjects) {
  EXPECT_THAT(Why(File(Dictionary("'|O'", "False", "(1, 2)"), 2)), HasSubstr("pickled Python objects"));
  EXPECT_THAT(Why(File(Dictionary("[('a', '|O'), ('b', '<f4')]", "False", "(1, 2)"), 2)),
              HasSubstr("byte 20: '[('a', '|O'), ('b', ...'; expected a plain dtype"));
}

TEST(Npy, RefusesOtherTypesAndOrders) {
  for (const char* descr : {"<f8", ">f4", "<i4", "<f2", "|b1", "<U7", ""}) {
    EXPECT_THAT(Why(File(Dictionary(fmt::format("'{}'", descr), "False", "(1, 2)"), 2)),
                HasSubstr(fmt::format("dtype '{}'; expected '<f4'", descr)));
  }
  EXPECT_THAT(Why(File(Dictionary("'<f4'", "True", "(1, 2)"), 2)), HasSubstr("Fortran order"));
}

TEST(Npy, RefusesShapesThatLie) {
  const std::string says = "values of 4 bytes; the file has 60 bytes after the header";
  for (const char* shape : {"(3, 4)", "(4, 4)", "(15, 2)", "(9223372036854775807, 9223372036854775807)",
                            "(4611686018427387904, 4)", "(2305843009213693952, 8)", "(1, 9223372036854775807)"}) {
    EXPECT_THAT(Why(File(Shape(shape), 15)), HasSubstr(says)) << shape;
  }
  EXPECT_THAT(Why(File(Shape("(3, 5)"), 15) + "x"), HasSubstr("61 bytes after the header"));
  for (const char* shape : {"(15,)", "()", "(3, 5, 1)", "(0, 5)", "(5, 0)"}) {
    EXPECT_THAT(Why(File(Shape(shape), 15)), HasSubstr("expected a matrix")) << shape;
  }
}

TEST(Npy, NamesTheByteOfWhatIsWrong) {
  EXPECT_THAT(Why(""), HasSubstr("byte 0: not a .npy file"));
  EXPECT_THAT(Why("\x93NUMPY\x01"), HasSubstr("not a .npy file"));
  EXPECT_THAT(Why(File(Shape("(1, 2)"), 2, 3)), HasSubstr("byte 6: format 3.0; expected 1.0 or 2.0"));
  EXPECT_THAT(Why(File("{'descr': '<f4'", 2)), HasSubstr("byte"));
  EXPECT_THAT(Why(File("{'descr': '<f4', 'descr': '<f4'}", 2)), HasSubstr("one each of the keys"));
  EXPECT_THAT(Why(File("{'descr': '<f4', 'fortran_order': False}", 2)), HasSubstr("the keys descr"));
  EXPECT_THAT(Why(File(Shape("(-1, 2)"), 2)), HasSubstr("a size in digits"));
  EXPECT_THAT(Why(File(Shape("(99999999999999999999, 2)"), 2)), HasSubstr("a size in digits"));
  EXPECT_THAT(Why(File(Shape("(1, 2)") + "import os", 2)), HasSubstr("nothing after the dictionary"));
  EXPECT_THAT(Why(File(Dictionary("'<f4'", "0", "(1, 2)"), 2)), HasSubstr("True or False"));
  EXPECT_THAT(Why(File(Dictionary("'<f4", "False", "(1, 2)"), 2)), HasSubstr("expected"));
}

// A length of 4 GiB, as a format 2.0 header may have it, asks for no memory.
TEST(Npy, BoundsTheHeader) {
  std::string file = File(Shape("(1, 2)"), 2, 2);
  file.replace(8, 4, "\xff\xff\xff\xff");
  EXPECT_THAT(Why(file), HasSubstr("byte 8: a header of 4294967295 bytes; expected at most"));
  EXPECT_THAT(Why(file.substr(0, 30)), HasSubstr("byte 8"));
}

}  // namespace
}  // namespace normlab::data
