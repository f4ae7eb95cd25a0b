#include "data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "base/parse_number.h"
#include "base/text.h"

static_assert(std::endian::native == std::endian::little, "values are read as they lie in the file");

namespace normlab::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionEnd = 8;  // of magic and version, before the header's length

// Reads the header's Python dictionary, of which only the forms that NumPy writes are known.
class Dictionary {
 public:
  Dictionary(std::string_view text, std::uint64_t at, std::string_view source)
      : text_(text), at_(at), source_(source) {}

  absl::Status Read() {
    NORMLAB_RETURN_IF_ERROR(Take('{'));
    while (Peek() != '}') {
      NORMLAB_ASSIGN_OR_RETURN(const std::string_view key, String());
      NORMLAB_RETURN_IF_ERROR(Take(':'));
      NORMLAB_RETURN_IF_ERROR(Value(key));
      if (Peek() != '}') {
        NORMLAB_RETURN_IF_ERROR(Take(','));
      }
    }
    NORMLAB_RETURN_IF_ERROR(Take('}'));
    return Peek() == '\0' ? absl::OkStatus() : Wrong("nothing after the dictionary");
  }

  absl::Status Wrong(std::string_view expected) const {
    return absl::DataLossError(
        fmt::format("{}: byte {}: '{}'; expected {}", source_, at_, OneLine(text_, 20), expected));
  }

  std::optional<std::string_view> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;

 private:
  void Skip(std::size_t n) {
    text_.remove_prefix(n);
    at_ += n;
  }
  // The next character that is no blank; '\0' at the end.
  char Peek() {
    const std::size_t blanks = std::min(text_.find_first_not_of(" \n"), text_.size());
    Skip(blanks);
    return text_.empty() ? '\0' : text_.front();
  }
  absl::Status Take(char wanted) {
    if (Peek() != wanted) {
      return Wrong(fmt::format("{}", wanted));
    }
    Skip(1);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string_view> String() {
    const char quote = Peek();
    const std::size_t end = text_.size() < 2 ? std::string_view::npos : text_.find(quote, 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos) {
      return Wrong("a string in quotes");
    }
    const std::string_view content = text_.substr(1, end - 1);
    Skip(end + 1);
    return content;
  }
  absl::Status Value(std::string_view key) {
    if (key == "descr" && !descr) {
      if (Peek() == '[') {
        return Wrong("a plain dtype, '<f4'; records with fields are not read");
      }
      NORMLAB_ASSIGN_OR_RETURN(descr, String());
      return absl::OkStatus();
    }
    if (key == "fortran_order" && !fortran_order) {
      return Truth();
    }
    return key == "shape" && !shape ? Tuple() : Wrong("one each of the keys descr, fortran_order and shape");
  }
  absl::Status Truth() {
    Peek();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.starts_with(word)) {
        Skip(word.size());
        fortran_order = value;
        return absl::OkStatus();
      }
    }
    return Wrong("True or False");
  }
  absl::Status Tuple() {
    std::vector<std::int64_t> extents;
    NORMLAB_RETURN_IF_ERROR(Take('('));
    while (Peek() != ')') {
      const std::string_view digits = text_.substr(0, std::min(text_.find_first_not_of("0123456789"), text_.size()));
      const auto extent = ParseWhole<std::int64_t>(digits);
      if (!extent) {
        return Wrong("a size in digits");
      }
      Skip(digits.size());
      extents.push_back(*extent);
      if (Peek() != ')') {
        NORMLAB_RETURN_IF_ERROR(Take(','));
      }
    }
    shape = std::move(extents);
    return Take(')');
  }

  std::string_view text_;
  std::uint64_t at_;
  std::string_view source_;
};

absl::Status CheckType(std::string_view descr, std::string_view source) {
  if (descr.find('O') != std::string_view::npos) {
    return absl::DataLossError(
        fmt::format("{}: holds pickled Python objects (dtype '{}'), which are never loaded, for unpickling runs what "
                    "they say; expected '<f4'",
                    source, OneLine(descr, 20)));
  }
  if (descr != "<f4") {
    return absl::DataLossError(
        fmt::format("{}: dtype '{}'; expected '<f4', float32 little endian: numpy.save(name, a.astype('<f4'))", source,
                    OneLine(descr, 20)));
  }
  return absl::OkStatus();
}

absl::StatusOr<NpyMatrix> Checked(const Dictionary& header, std::uint64_t offset, std::uint64_t file_bytes,
                                  std::string_view source) {
  if (!header.descr || !header.fortran_order || !header.shape) {
    return header.Wrong("the keys descr, fortran_order and shape");
  }
  NORMLAB_RETURN_IF_ERROR(CheckType(*header.descr, source));
  if (*header.fortran_order) {
    return absl::DataLossError(
        fmt::format("{}: is in Fortran order; expected C order: numpy.save(name, numpy.ascontiguousarray(a))", source));
  }
  const std::vector<std::int64_t>& shape = *header.shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    return absl::DataLossError(
        fmt::format("{}: has {} dimensions, or one of 0; expected a matrix, images x features", source, shape.size()));
  }
  const std::uint64_t values = (file_bytes - offset) / sizeof(float);
  const auto rows = static_cast<std::uint64_t>(shape[0]), columns = static_cast<std::uint64_t>(shape[1]);
  // The product may be larger than any number: the quotient is not.
  if (columns > values || rows != values / columns || rows * columns * sizeof(float) != file_bytes - offset) {
    return absl::DataLossError(fmt::format(
        "{}: its header says {} x {} values of 4 bytes; the file has {} bytes after the header, which ends at byte {}",
        source, rows, columns, file_bytes - offset, offset));
  }
  return NpyMatrix{.rows = shape[0], .columns = shape[1], .offset = offset};
}

}  // namespace

absl::StatusOr<NpyMatrix> ParseNpyHeader(std::string_view beginning, std::uint64_t file_bytes,
                                         std::string_view source) {
  if (!beginning.starts_with(kMagic) || beginning.size() < kVersionEnd + 2) {
    return absl::DataLossError(fmt::format("{}: byte 0: not a .npy file", source));
  }
  const int version = static_cast<unsigned char>(beginning[6]);
  if ((version != 1 && version != 2) || beginning[7] != 0) {
    return absl::DataLossError(fmt::format("{}: byte 6: format {}.{}; expected 1.0 or 2.0", source, version,
                                           static_cast<unsigned char>(beginning[7])));
  }
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < length_bytes && kVersionEnd + i < beginning.size(); ++i) {
    length |= std::uint64_t{static_cast<unsigned char>(beginning[kVersionEnd + i])} << (8 * i);
  }
  const std::uint64_t begin = kVersionEnd + length_bytes;
  if (begin + length > beginning.size()) {
    return absl::DataLossError(fmt::format("{}: byte {}: a header of {} bytes; expected at most {} and the file has {}",
                                           source, kVersionEnd, length, kMostNpyHeader - begin, file_bytes));
  }
  Dictionary header(beginning.substr(begin, length), begin, source);
  NORMLAB_RETURN_IF_ERROR(header.Read());
  return Checked(header, begin + length, file_bytes, source);
}

std::string NpyHeader(std::int64_t rows, std::int64_t columns) {
  constexpr std::size_t kBytes = 128;
  constexpr std::size_t kLength = kBytes - kVersionEnd - 2;
  std::string text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  text.resize(kLength - 1, ' ');
  return std::string(kMagic) + std::string("\x01\x00", 2) + static_cast<char>(kLength) + '\0' + text + '\n';
}

}  // namespace normlab::data
