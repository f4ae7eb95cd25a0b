// plain_order_embedding.h - the loss of an order embedding, number by number in double precision, and its slope along any parameter by
// dual numbers: what the model is compared with. Shares no code with the engine. Mutations are mistakes that were made for
// real, or nearly; the comparison must see each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/order_embedding/network.h"

namespace normlab {

enum class PlainGruNorm { kNone, kLayer, kRms, kWeight };

// A value and its slope along one direction.
struct Dual {
  double value = 0.0, slope = 0.0;
};

using PlainParameters = std::map<std::string, std::vector<Dual>>;

struct OrderMutation {
  bool gates_exchanged =
      false;  // h_t = z h_{t-1} + (1 - z) h^, the released code's convention under the paper's weights
  bool padding_is_read = false;      // a padded step is a step like any other
  bool end_is_not_read = false;      // no step of its own for the end of a caption
  bool reset_before_matrix = false;  // U (r h) for r (U h)
  bool hinge_is_mean = false;        // over the pairs of the batch
  bool one_direction = false;        // captions are ranked and images are not
  bool diagonal_counts = false;      // a right pair is compared with itself
  bool not_positive = false;         // unit vectors as they are
};

struct PlainOrderEmbedding {
  OrderEmbeddingSpec spec;
  PlainGruNorm norm = PlainGruNorm::kNone;
  OrderMutation mutation = {};

  // captions[b]: words without the end; features[b]: of its image.
  Dual Loss(const PlainParameters& parameters, const std::vector<std::vector<int>>& captions,
            const std::vector<std::vector<double>>& features) const;
};

}  // namespace normlab
