#include "reference_mlp.h"

#include <algorithm>
#include <cmath>

namespace normlab {
namespace {

// Four partial sums, because the compiler may not reorder one.
double Dot(const double* a, const double* b, std::size_t n) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) {
      sums[k] += a[i + k] * b[i + k];
    }
  }
  double sum = sums[0] + sums[1] + sums[2] + sums[3];
  for (; i < n; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

double Mean(const Values& v) {
  double sum = 0;
  for (const double x : v) {
    sum += x;
  }
  return sum / static_cast<double>(v.size());
}

// Per example: log-softmax and its negative log likelihood; dy receives (softmax - onehot) / examples.
double CrossEntropy(const std::vector<Values>& logits, const std::vector<int>& labels, std::vector<Values>* dy) {
  const auto n = static_cast<double>(logits.size());
  double total = 0;
  for (std::size_t b = 0; b < logits.size(); ++b) {
    const double top = *std::max_element(logits[b].begin(), logits[b].end());
    double sum = 0;
    for (const double z : logits[b]) {
      sum += std::exp(z - top);
    }
    const double log_sum = top + std::log(sum);
    const auto label = static_cast<std::size_t>(labels[b]);
    total += log_sum - logits[b][label];
    if (dy != nullptr) {
      dy->push_back(logits[b]);
      for (double& z : dy->back()) {
        z = std::exp(z - log_sum) / n;
      }
      dy->back()[label] -= 1 / n;
    }
  }
  return total / n;
}

}  // namespace

ReferenceLayer::ReferenceLayer(const ReferenceConfig& config, bool normalised, bool relu, std::size_t inputs,
                               std::size_t outputs)
    : weight(inputs * outputs),
      gain(outputs, 1.0),
      bias(outputs, 0.0),
      running_mean(outputs, 0.0),
      running_variance(outputs, 1.0),
      config_(config),
      normalised_(normalised),
      relu_(relu),
      inputs_(inputs),
      outputs_(outputs) {}

Values ReferenceLayer::EffectiveWeight() const {
  Values w = weight;
  if (normalised_ && config_.norm == ReferenceNorm::kWeight) {
    for (std::size_t o = 0; o < outputs_; ++o) {
      const double* v = &weight[o * inputs_];
      const double norm = std::sqrt(Dot(v, v, inputs_));
      for (std::size_t i = 0; i < inputs_; ++i) {
        w[o * inputs_ + i] = gain[o] * v[i] / norm;
      }
    }
  }
  return w;
}

// w = g v / |v|:  dg = dw . v / |v|,  dv = g / |v| (dw - (dw . v) v / |v|^2).
void ReferenceLayer::BackwardWeight(const Values& d_effective) {
  for (std::size_t o = 0; o < outputs_; ++o) {
    const double* v = &weight[o * inputs_];
    const double* dw = &d_effective[o * inputs_];
    const double norm = std::sqrt(Dot(v, v, inputs_));
    const double dw_v = Dot(dw, v, inputs_);
    d_gain[o] = dw_v / norm;
    for (std::size_t i = 0; i < inputs_; ++i) {
      d_weight[o * inputs_ + i] = gain[o] / norm * (dw[i] - dw_v * v[i] / (norm * norm));
    }
  }
}

void ReferenceLayer::NormaliseExample(const Values& a, Values& a_hat, double& sigma) const {
  const double mean = config_.norm == ReferenceNorm::kRms ? 0 : Mean(a);
  double squares = 0;
  for (const double x : a) {
    squares += (x - mean) * (x - mean);
  }
  const double variance = squares / static_cast<double>(a.size());
  sigma = config_.eps_outside ? std::sqrt(variance) + config_.eps : std::sqrt(variance + config_.eps);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a_hat[i] = (a[i] - mean) / sigma;
  }
}

void ReferenceLayer::NormaliseBatch(const std::vector<Values>& a, bool training) {
  const auto n = static_cast<double>(a.size());
  for (std::size_t o = 0; o < outputs_; ++o) {
    double mean = running_mean[o];
    double variance = running_variance[o];
    if (training) {
      mean = 0;
      for (const Values& example : a) {
        mean += example[o] / n;
      }
      variance = 0;
      for (const Values& example : a) {
        variance += (example[o] - mean) * (example[o] - mean) / (config_.unbiased ? n - 1 : n);
      }
      running_mean[o] = config_.running_decay * running_mean[o] + (1 - config_.running_decay) * mean;
      running_variance[o] = config_.running_decay * running_variance[o] + (1 - config_.running_decay) * variance;
    }
    deviation_[o] = std::sqrt(variance);
    sigma_[o] = config_.eps_outside ? deviation_[o] + config_.eps : std::sqrt(variance + config_.eps);
    for (std::size_t b = 0; b < a.size(); ++b) {
      a_hat_[b][o] = (a[b][o] - mean) / sigma_[o];
    }
  }
}

std::vector<Values> ReferenceLayer::Forward(const std::vector<Values>& x, bool training) {
  const Values w = EffectiveWeight();
  x_ = x;
  a_.assign(x.size(), Values(outputs_));
  for (std::size_t o = 0; o < outputs_; ++o) {
    for (std::size_t b = 0; b < x.size(); ++b) {
      a_[b][o] = Dot(&w[o * inputs_], x[b].data(), inputs_);
    }
  }
  a_hat_ = a_;
  sigma_.assign(std::max(x.size(), outputs_), 1.0);
  deviation_ = sigma_;
  const bool per_example = config_.norm == ReferenceNorm::kLayer || config_.norm == ReferenceNorm::kRms;
  if (normalised_ && per_example) {
    for (std::size_t b = 0; b < x.size(); ++b) {
      NormaliseExample(a_[b], a_hat_[b], sigma_[b]);
      deviation_[b] = sigma_[b] - config_.eps;
    }
  } else if (normalised_ && config_.norm == ReferenceNorm::kBatch) {
    NormaliseBatch(a_, training);
  }
  const bool has_gain = normalised_ && config_.norm != ReferenceNorm::kNone && config_.norm != ReferenceNorm::kWeight;
  y_ = a_hat_;
  for (Values& y : y_) {
    for (std::size_t o = 0; o < outputs_; ++o) {
      y[o] = (has_gain ? gain[o] : 1.0) * y[o] + bias[o];
      y[o] = relu_ ? std::max(y[o], 0.0) : y[o];
    }
  }
  return y_;
}

// With n values per statistic, centred c = a - mean, s the denominator:
//   da = (1/s) (d - mean(d) - k c mean(d c)),  k = 1/s^2 for eps inside the root, 1/(s std) for eps outside.
std::vector<Values> ReferenceLayer::BackwardExample(const std::vector<Values>& d_hat) const {
  std::vector<Values> da = d_hat;
  const auto n = static_cast<double>(outputs_);
  for (std::size_t b = 0; b < d_hat.size(); ++b) {
    const double s = sigma_[b];
    const double mean_d = config_.norm == ReferenceNorm::kRms ? 0 : Mean(d_hat[b]);
    const double k = config_.eps_outside ? s / deviation_[b] : 1.0;
    const double mean_dh = Dot(d_hat[b].data(), a_hat_[b].data(), outputs_) / n;
    for (std::size_t o = 0; o < outputs_; ++o) {
      da[b][o] = (d_hat[b][o] - mean_d - k * a_hat_[b][o] * mean_dh) / s;
    }
  }
  return da;
}

std::vector<Values> ReferenceLayer::BackwardBatch(const std::vector<Values>& d_hat) const {
  std::vector<Values> da = d_hat;
  const auto n = static_cast<double>(d_hat.size());
  const double divisor = config_.unbiased ? n - 1 : n;
  for (std::size_t o = 0; o < outputs_; ++o) {
    double mean_d = 0;
    double sum_dh = 0;
    for (std::size_t b = 0; b < d_hat.size(); ++b) {
      mean_d += d_hat[b][o] / n;
      sum_dh += d_hat[b][o] * a_hat_[b][o];
    }
    const double k = config_.eps_outside ? sigma_[o] / deviation_[o] : 1.0;
    for (std::size_t b = 0; b < d_hat.size(); ++b) {
      da[b][o] = (d_hat[b][o] - mean_d - k * a_hat_[b][o] * sum_dh / divisor) / sigma_[o];
    }
  }
  return da;
}

std::vector<Values> ReferenceLayer::Backward(const std::vector<Values>& dy) {
  d_weight.assign(weight.size(), 0.0);
  d_gain.assign(outputs_, 0.0);
  d_bias.assign(outputs_, 0.0);
  const bool sums_only = !normalised_ || config_.norm == ReferenceNorm::kNone || config_.norm == ReferenceNorm::kWeight;
  std::vector<Values> d_hat = dy;
  for (std::size_t b = 0; b < dy.size(); ++b) {
    for (std::size_t o = 0; o < outputs_; ++o) {
      const double d = relu_ && y_[b][o] <= 0 ? 0 : dy[b][o];
      d_bias[o] += d;
      d_gain[o] += d * a_hat_[b][o];
      d_hat[b][o] = sums_only ? d : d * gain[o];
    }
  }
  const std::vector<Values> da = sums_only                               ? d_hat
                                 : config_.norm == ReferenceNorm::kBatch ? BackwardBatch(d_hat)
                                                                         : BackwardExample(d_hat);
  const Values w = EffectiveWeight();
  std::vector<Values> dx(x_.size(), Values(inputs_, 0.0));
  for (std::size_t o = 0; o < outputs_; ++o) {
    for (std::size_t b = 0; b < x_.size(); ++b) {
      const double d = da[b][o];
      const double* x = x_[b].data();
      double* dw_row = &d_weight[o * inputs_];
      double* dx_row = dx[b].data();
      for (std::size_t i = 0; i < inputs_; ++i) {
        dw_row[i] += d * x[i];
        dx_row[i] += d * w[o * inputs_ + i];
      }
    }
  }
  if (normalised_ && config_.norm == ReferenceNorm::kWeight) {
    BackwardWeight(Values(d_weight));
  }
  return dx;
}

void ReferenceAdam::Update(const ReferenceConfig& config, Values& parameters, const Values& gradient) {
  m.resize(parameters.size());
  v.resize(parameters.size());
  ++updates;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    m[i] = config.beta1 * m[i] + (1 - config.beta1) * gradient[i];
    v[i] = config.beta2 * v[i] + (1 - config.beta2) * gradient[i] * gradient[i];
    const double m_hat = m[i] / (1 - std::pow(config.beta1, updates));
    const double v_hat = v[i] / (1 - std::pow(config.beta2, updates));
    parameters[i] -= config.learning_rate * m_hat / (std::sqrt(v_hat) + config.adam_eps);
  }
}

ReferenceMlp::ReferenceMlp(const ReferenceConfig& config, const std::vector<std::size_t>& widths,
                           const std::map<std::string, Values>& state, int updates)
    : config_(config) {
  for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
    const bool last = l + 2 == widths.size();
    layers_.emplace_back(config, !last || config.norm_logits, !last, widths[l], widths[l + 1]);
  }
  for (const Parameter& parameter : Parameters()) {
    ReferenceAdam& adam = adam_.emplace_back();
    adam.updates = updates;
    for (const std::string& name : parameter.names) {
      if (const auto found = state.find(name); found != state.end()) {
        *parameter.values = found->second;
      }
      if (const auto m = state.find("adam.m." + name); m != state.end()) {
        adam.m = m->second;
        adam.v = state.at("adam.v." + name);
      }
    }
  }
}

std::vector<ReferenceMlp::Parameter> ReferenceMlp::Parameters() {
  const std::string names[] = {"hidden1", "hidden2", "output"};
  std::vector<Parameter> parameters;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    ReferenceLayer& layer = layers_[l];
    parameters.push_back({{names[l] + ".weight"}, &layer.weight, &layer.d_weight});
    parameters.push_back({{names[l] + ".norm.gain"}, &layer.gain, &layer.d_gain});
    parameters.push_back({{names[l] + ".norm.bias", names[l] + ".bias"}, &layer.bias, &layer.d_bias});
  }
  return parameters;
}

std::map<std::string, Values> ReferenceMlp::State() {
  std::map<std::string, Values> state;
  const std::vector<Parameter> parameters = Parameters();
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    for (const std::string& name : parameters[p].names) {
      state[name] = *parameters[p].values;
      state["adam.m." + name] = adam_[p].m;
      state["adam.v." + name] = adam_[p].v;
    }
  }
  return state;
}

double ReferenceMlp::Step(const std::vector<Values>& x, const std::vector<int>& labels) {
  std::vector<Values> h = x;
  for (ReferenceLayer& layer : layers_) {
    h = layer.Forward(h, true);
  }
  std::vector<Values> dy;
  const double loss = CrossEntropy(h, labels, &dy);
  for (std::size_t l = layers_.size(); l-- > 0;) {
    dy = layers_[l].Backward(dy);
  }
  const std::vector<Parameter> parameters = Parameters();
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    adam_[p].Update(config_, *parameters[p].values, *parameters[p].gradient);
  }
  return loss;
}

double ReferenceMlp::Evaluate(const std::vector<Values>& x, const std::vector<int>& labels) {
  std::vector<Values> h = x;
  for (ReferenceLayer& layer : layers_) {
    h = layer.Forward(h, false);
  }
  return CrossEntropy(h, labels, nullptr);
}

}  // namespace normlab
