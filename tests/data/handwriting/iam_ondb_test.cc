#include "data/handwriting/iam_ondb.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "../testing.h"
#include "data/gzip.h"
#include "data/handwriting/import.h"
#include "data/handwriting/pen_file.h"
#include "data/handwriting/xml.h"

namespace normlab::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string LineXml(std::string_view strokes) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<WhiteboardCaptureSession>\n<WhiteboardDescription>"
      "<SensorLocation corner=\"top_left\"/></WhiteboardDescription>\n<StrokeSet>{}</StrokeSet>\n"
      "</WhiteboardCaptureSession>\n",
      strokes);
}

const std::string kStroke =
    "<Stroke colour=\"black\" start_time=\"769.05\" end_time=\"769.64\"><Point x=\"1073\" y=\"1058\" time=\"769.05\"/>"
    "<Point x=\"1070\" y=\"1060\" time=\"769.06\"/></Stroke>";
const std::string kDot = "<Stroke><Point x=\"5\" y=\"6\"/></Stroke>";

TEST(IamOnDb, ReadsStrokesWithYUp) {
  const auto strokes = ParseLineStrokes(LineXml(kStroke + kDot + "<Stroke></Stroke>"), "x");
  ASSERT_TRUE(strokes.ok()) << strokes.status();
  EXPECT_EQ(*strokes, (std::vector<Stroke>{{{1073, -1058}, {1070, -1060}}, {{5, -6}}}));
}

struct BadXml {
  const char* what;
  std::string xml;
  const char* says;
};

class HostileXml : public testing::TestWithParam<BadXml> {};

TEST_P(HostileXml, IsAnErrorThatNamesFileAndOffset) {
  const absl::Status status = ParseLineStrokes(GetParam().xml, "dir/a.xml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(StartsWith("dir/a.xml: byte "), HasSubstr(GetParam().says)));
}

std::string Nested(int depth) {
  std::string xml;
  for (int i = 0; i < depth; ++i) {
    xml += "<a>";
  }
  return xml;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, HostileXml,
    testing::Values(
        BadXml{"Empty", "", "byte 0: bad XML: no element found"},
        BadXml{"Truncated", LineXml(kStroke).substr(0, 300), "byte 266: bad XML"},
        BadXml{"Entities",
               "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>",
               "byte 33: a document type declaration"},
        BadXml{"ExternalEntity", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>", "refused"},
        BadXml{"UndefinedEntity", "<a>&b;</a>", "byte 3: bad XML: undefined entity"},
        BadXml{"Deep", Nested(100000), "byte 48: elements nested more than 16 deep"},
        BadXml{"NanPoint", LineXml("<Stroke><Point x=\"nan\" y=\"1\"/></Stroke>"), "<Point x='nan'>"},
        BadXml{"HugePoint", LineXml("<Stroke><Point x=\"1\" y=\"4000000000\"/></Stroke>"), "<Point y='4000000000'>"},
        BadXml{"NoY", LineXml("<Stroke><Point x=\"1\"/></Stroke>"), "<Point y=missing>"},
        BadXml{"PointOutside", LineXml("<Point x=\"1\" y=\"1\"/>"), "a <Point> outside a <Stroke>"},
        BadXml{"StrokeInStroke", LineXml("<Stroke><Stroke>"), "a <Stroke> inside"},
        BadXml{"NoPoints", LineXml(""), "the file ends without a <Point>"},
        BadXml{"UnknownEncoding", "<?xml version=\"1.0\" encoding=\"klingon\"?><a/>", "unknown encoding"},
        BadXml{"Utf16Cut", std::string("\xff\xfe<\0a", 5), "bad XML"}),
    [](const auto& info) { return info.param.what; });

TEST(IamOnDb, RefusesADocumentBeyondItsBound) {
  class Nothing : public XmlHandler {
    absl::Status Start(const XmlElement&) override { return absl::OkStatus(); }
    absl::Status End(std::string_view) override { return absl::OkStatus(); }
  } handler;
  EXPECT_THAT(Message(ParseXml("<aaaaaaaa/>", "f", handler, {.max_bytes = 10})), HasSubstr("11 bytes"));
}

TEST(IamOnDb, ReadsTheTranscription) {
  EXPECT_THAT(*ParseTranscription("OCR:\n\nA MOVE to\n\nCSR:\r\n\r\nA MOVE to stop\r\nMr. G\r\n\r\n", "x"),
              ElementsAre("A MOVE to stop", "Mr. G"));
  EXPECT_THAT(Message(ParseTranscription("OCR:\n\nA\n", "f").status()), HasSubstr("f: byte 8: the file ends without"));
  EXPECT_FALSE(ParseTranscription("CSR:\n\n", "f").ok());
}

TEST(IamOnDb, ReadsSplitListsWithBlanks) {
  EXPECT_THAT(*ParseSplitList(" a01-000u \r\nb03-114\n\n", "x"), ElementsAre("a01-000u", "b03-114"));
  EXPECT_THAT(Message(ParseSplitList("a01-000u\na01_000\n", "f").status()),
              HasSubstr("f: byte 9: 'a01_000' is no form id"));
}

// A small IAM-OnDB: four forms in the four lists, with the troubles of the real one.
class ImportIam : public testing::Test {
 protected:
  void SetUp() override {
    Form("a01-000", "u", 2, "One line\nand another", "10001");
    Form("a01-001", "w", 1, "Validation text", "10002");
    Form("b02-010", "", 2, "only one line of text", "10003");  // as where a run of % stands for a line break
    Form("c03-020", "z", 1, "Test line", "");
    Form("d04-030", "z", 1, "caf\xe9 au lait", "10005");
    Form("e05-040", "z", 1, "in no list", "10006");
    dir_.Write("iam/lineStrokes/a01/a01-000/a01-000u-02.xml", LineXml(kStroke).substr(0, 200));
    dir_.Write("iam/trainset.txt", "a01-000u\nb02-010\nd04-030z\nz01-000z\n");
    dir_.Write("iam/testset_v.txt", "a01-001w \n");
    dir_.Write("iam/testset_t.txt", "\n");
    dir_.Write("iam/testset_f.txt", "c03-020z\n");
  }
  void Form(const std::string& folder, const std::string& letter, int lines, std::string_view text,
            const std::string& writer) {
    const std::string in = folder.substr(0, 3) + "/" + folder + "/";
    for (int i = 1; i <= lines; ++i) {
      dir_.Write(fmt::format("iam/lineStrokes/{}{}{}-{:02}.xml", in, folder, letter, i), LineXml(kStroke + kDot));
    }
    dir_.Write("iam/ascii/" + in + folder + letter + ".txt", fmt::format("OCR:\n\nx\n\nCSR:\n\n{}\n", text));
    if (!writer.empty()) {
      dir_.Write("iam/original/" + in + "strokes" + letter + ".xml",
                 fmt::format("<WhiteboardCaptureSession><General><Form writerID=\"{}\"/></General>"
                             "</WhiteboardCaptureSession>",
                             writer));
    }
  }
  absl::StatusOr<ImportReport> Import(const std::string& path) {
    return ImportHandwriting("iam_ondb", path, dir_.path() + "/home", [this](auto done, auto total) {
      EXPECT_LE(done, total);
      progress_ = done;
    });
  }
  TestDirectory dir_;
  std::int64_t progress_ = -1;
};

TEST_F(ImportIam, KeepsWhatIsGoodAndSaysWhatItSkippedAndWhy) {
  const auto report = Import(dir_.path() + "/iam");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->lines, 3);
  EXPECT_EQ(report->writers, 3);
  EXPECT_EQ(report->points, 9);
  EXPECT_GT(progress_, 0);
  std::map<std::string, std::int64_t> counts;
  for (const auto& [reason, skipped] : report->skipped) {
    counts[reason] = skipped.count;
  }
  EXPECT_EQ(counts, (std::map<std::string, std::int64_t>{
                        {"form of a split list without stroke files", 1},
                        {"line of a form that no split list names", 1},
                        {"line of a form whose text lines and stroke files differ in number", 2},
                        {"line whose text is not printable ASCII", 1},
                        {"stroke file cannot be read", 1},
                        {"writer unknown (the form is kept, its id stands for the writer)", 1}}));
  EXPECT_THAT(report->skipped.at("stroke file cannot be read").example,
              HasSubstr("a01-000u-02.xml: byte 165: bad XML"));

  const auto content = Uncompressed(*ReadBounded(report->stored, 1 << 20), 1 << 20, "x");
  const auto lines = ParsePenFile(*content, "x");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ((*lines)[0].text, "One line");
  EXPECT_EQ((*lines)[0].writer, "10001");
  EXPECT_EQ((*lines)[1].part, "testset_v");
  EXPECT_EQ((*lines)[2].writer, "form-c03-020z");
  // Moved to the origin: the dot at (5, -6) is the leftmost point, the stroke's end at (1070, -1060) the lowest.
  EXPECT_EQ((*lines)[0].strokes[0], (Stroke{{1068, 2}, {1065, 0}}));
}

TEST_F(ImportIam, ArchivesGiveTheSameBytesAsTheirFolder) {
  const auto from_folder = Import(dir_.path() + "/iam");
  ASSERT_TRUE(from_folder.ok());
  const std::string pack =
      "cd " + dir_.path() +
      "/iam && mkdir ../packed && tar -czf ../packed/lineStrokes-all.tar.gz lineStrokes && tar -czf "
      "../packed/ascii-all.tar.gz ascii && tar -czf ../packed/original-xml-part.tar.gz original && cp *.txt ../packed";
  ASSERT_EQ(std::system(pack.c_str()), 0);
  const auto from_archives = Import(dir_.path() + "/packed");
  ASSERT_TRUE(from_archives.ok()) << from_archives.status();
  EXPECT_EQ(from_archives->sha256, from_folder->sha256);
  EXPECT_EQ(from_archives->lines, 3);
}

TEST_F(ImportIam, NamesWhatIsMissingAltogether) {
  const absl::Status nothing = Import(dir_.path() + "/nowhere").status();
  EXPECT_EQ(nothing.code(), absl::StatusCode::kNotFound);
  const absl::Status lists = Import(dir_.path() + "/iam/lineStrokes").status();
  EXPECT_EQ(lists.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(lists), AllOf(HasSubstr("ascii-all.tar.gz"), HasSubstr("testset_v.txt")));
}

TEST_F(ImportIam, ATruncatedArchiveIsAnErrorWithFileAndOffset) {
  const std::string pack = "cd " + dir_.path() + "/iam && tar -cf - . | gzip | head -c 900 > ../broken.tar.gz";
  ASSERT_EQ(std::system(pack.c_str()), 0);
  const absl::Status status = Import(dir_.path() + "/broken.tar.gz").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr("broken.tar.gz: byte "));
}

}  // namespace
}  // namespace normlab::data
