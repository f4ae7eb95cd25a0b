// book_clozes.h - cloze questions made from books, in place of the CNN corpus: a substitute, named beside every result.
//
//   Names      A token that begins with a capital and goes on in small letters is a name in a book if it stands there at
//              least three times elsewhere than first in its sentence (or first behind an opening quotation mark), and ten
//              times as often as the same word in small letters; titles ("Mr.") are none. Each such token is one name.
//   Question   A sentence of 5 to 40 tokens. One name that it shares with its passage becomes @placeholder wherever it stands
//              in the question: which of them, a hash of the sentence's number says.
//   Passage    The sentences before it in its chapter, at most eight and at most 120 tokens together, at least two; with two
//              different names at least, and no more than twelve with the question's.
//
// Names become some of @entity0 to @entity11, random ones for each question, so that no name is right more often than another;
// all other words become lower case.
// Validation and test questions come from other books than training questions: of each ten books the fifth and the tenth; of
// fewer than eighty books, such as the Bible's of very different length, chapters take their place.
#pragma once

#include <string>

#include "data/text/text_corpus.h"

namespace normlab::data {

// The content of a cloze file (cloze_file.h), in the order of the text: a function of the corpus alone. Empty if nothing
// makes a question.
std::string MakeBookClozes(const TextCorpus& corpus);

}  // namespace normlab::data
