// reference_mlp.h - a second, independent implementation of the MNIST network: plain loops in double precision.
//
// It shares nothing with nn/ and experiments/ but the initial values and the order of the data. Slow on purpose: every
// line should be checkable against the paper by eye. Gradients are of the mean cross entropy.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace normlab {

using Values = std::vector<double>;

enum class ReferenceNorm { kNone, kBatch, kLayer, kWeight, kRms };

struct ReferenceConfig {
  ReferenceNorm norm = ReferenceNorm::kNone;
  double eps = 1e-5;
  bool eps_outside = false;    // (std + eps) in place of sqrt(var + eps)
  bool norm_logits = false;    // also on the last layer
  bool unbiased = false;       // batch normalisation's training variance
  double running_decay = 0.9;  // of batch normalisation's running averages
  double learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999, adam_eps = 1e-8;
};

// One fully connected layer with its normaliser: x -> f(N(W x)). Matrices of activations are one row an example.
class ReferenceLayer {
 public:
  ReferenceLayer(const ReferenceConfig& config, bool normalised, bool relu, std::size_t inputs, std::size_t outputs);

  // `training` uses the batch's statistics and updates the running ones.
  std::vector<Values> Forward(const std::vector<Values>& x, bool training);
  // Takes dL/d(output), keeps dL/d(parameters), returns dL/d(input).
  std::vector<Values> Backward(const std::vector<Values>& dy);

  Values weight;  // W, or v of weight normalisation: [outputs][inputs]
  Values gain, bias;
  Values running_mean, running_variance;
  Values d_weight, d_gain, d_bias;

 private:
  void NormaliseExample(const Values& a, Values& a_hat, double& sigma) const;  // layer, rms
  void NormaliseBatch(const std::vector<Values>& a, bool training);
  std::vector<Values> BackwardExample(const std::vector<Values>& d_hat) const;  // dL/da from dL/d a_hat
  std::vector<Values> BackwardBatch(const std::vector<Values>& d_hat) const;
  Values EffectiveWeight() const;  // g v / |v| for weight normalisation
  void BackwardWeight(const Values& d_effective);

  ReferenceConfig config_;
  bool normalised_, relu_;
  std::size_t inputs_, outputs_;
  std::vector<Values> x_, a_, a_hat_, y_;  // of the last Forward
  Values sigma_;                           // the denominators: one an example (layer, rms) or a unit (batch)
  Values deviation_;                       // the same without eps, for eps outside the root
};

// Adam [Kingma and Ba 2015] over one vector of parameters.
struct ReferenceAdam {
  void Update(const ReferenceConfig& config, Values& parameters, const Values& gradient);

  Values m, v;
  int updates = 0;
};

class ReferenceMlp {
 public:
  // `state`: the values of the tensors by the experiment's names after `updates` updates, "hidden1.weight" and
  // "adam.m.hidden1.weight". Missing gains are 1, biases and moments 0.
  ReferenceMlp(const ReferenceConfig& config, const std::vector<std::size_t>& widths,
               const std::map<std::string, Values>& state, int updates = 0);

  // Mean cross entropy of the batch before the update, in nats; then one update.
  double Step(const std::vector<Values>& x, const std::vector<int>& labels);
  // Weights and moments by the experiment's names.
  std::map<std::string, Values> State();
  // Mean cross entropy in evaluation mode, with running averages where batch normalisation has them.
  double Evaluate(const std::vector<Values>& x, const std::vector<int>& labels);

 private:
  ReferenceConfig config_;
  std::vector<ReferenceLayer> layers_;
  std::vector<ReferenceAdam> adam_;  // of Parameters()

  // A parameter under the names it may have.
  struct Parameter {
    std::vector<std::string> names;
    Values* values;
    Values* gradient;
  };
  std::vector<Parameter> Parameters();
};

}  // namespace normlab
