// retrieval.h - how well images are found by their captions and captions by their images.
//
// The rank of what is right is the number of wrong ones that are not strictly worse: ties count against the model, and so
// does a penalty that is no number. A constant model has recall 0, where the released code gives it what a sort leaves.
#pragma once

#include <cstdint>

namespace normlab {

// Over all queries. Shares, 0 to 1; the mean rank counts from 1.
struct Recall {
  double at1 = 0.0, at5 = 0.0, at10 = 0.0;
  double mean_rank = 0.0;

  Recall& operator+=(const Recall& other);
  Recall Over(double n) const;  // each number divided by n
  double Sum() const { return at1 + at5 + at10; }
};

struct Retrieval {
  Recall image;    // of the image of each caption among all images
  Recall caption;  // of the best own caption of each image among all captions of others
};

// penalties[i * captions + c] of caption c with image i; captions c belong to image c / 5.
Retrieval Rank(const float* penalties, std::int64_t images);

}  // namespace normlab
