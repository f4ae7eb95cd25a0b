#include "plain_reader.h"

#include <algorithm>
#include <cmath>

namespace normlab {
namespace {

using Mistake = PlainReader::Mistake;
using Norm = PlainReader::Norm;
using Batch = std::vector<Numbers>;  // a vector for each example

// What becomes of a batch's summed inputs; `counts` says which examples have this step.
struct Reader {
  const PlainReader& spec;
  const std::map<std::string, Numbers>& parameters;

  Numbers Get(const std::string& name, std::size_t size, double otherwise) const {
    const auto found = parameters.find(name);
    return found != parameters.end() ? found->second : Numbers(size, otherwise);
  }

  // W x with W [out x in] row by row, whose rows have length `gain` under weight norm.
  Numbers Times(const std::string& layer, const Numbers& x) const {
    const Numbers& w = parameters.at(layer + ".weight");
    Numbers y(w.size() / x.size());
    const Numbers gain = Get(layer + ".norm.gain", y.size(), 1.0);
    const bool weight_norm = spec.norm == Norm::kWeight && parameters.contains(layer + ".norm.gain");
    for (std::size_t i = 0; i < y.size(); ++i) {
      Number squares = 0.0;
      for (std::size_t j = 0; j < x.size(); ++j) {
        y[i] += w[i * x.size() + j] * x[j];
        squares += w[i * x.size() + j] * w[i * x.size() + j];
      }
      y[i] *= weight_norm ? gain[i] / std::sqrt(squares) : 1.0;
    }
    return y;
  }

  // gain n + bias for the examples (columns) that count, by the statistics of those in `statistics`.
  void Normalise(const std::string& site, Batch& columns, const std::vector<bool>& counts) const {
    if (!parameters.contains(site + ".norm.gain") || spec.norm == Norm::kNone || spec.norm == Norm::kWeight) {
      return;
    }
    const std::size_t n = columns.front().size();
    const Numbers gain = Get(site + ".norm.gain", n, 1.0), bias = Get(site + ".norm.bias", n, 0.0);
    if (spec.norm == Norm::kBatch) {
      for (std::size_t i = 0; i < n; ++i) {
        NormaliseUnit(i, gain[i], bias[i], columns, counts);
      }
      return;
    }
    for (Numbers& a : columns) {
      Number mean = 0.0, squares = 0.0;
      for (const Number v : a) {
        mean += spec.norm == Norm::kLayer ? v / static_cast<double>(n) : 0.0;
      }
      for (const Number v : a) {
        squares += (v - mean) * (v - mean) / static_cast<double>(n);
      }
      for (std::size_t i = 0; i < n; ++i) {
        a[i] = gain[i] * (a[i] - mean) / std::sqrt(squares + spec.eps) + bias[i];
      }
    }
  }

  void NormaliseUnit(std::size_t i, Number gain, Number bias, Batch& columns, const std::vector<bool>& counts) const {
    Number mean = 0.0, squares = 0.0;
    double count = 0.0;
    const auto in = [&](std::size_t b) { return counts[b] || spec.mistake == Mistake::kPaddingIsNormalised; };
    for (std::size_t b = 0; b < columns.size(); ++b) {
      mean += in(b) ? columns[b][i] : 0.0;
      count += in(b) ? 1.0 : 0.0;
    }
    mean /= count;
    for (std::size_t b = 0; b < columns.size(); ++b) {
      squares += in(b) ? (columns[b][i] - mean) * (columns[b][i] - mean) : 0.0;
    }
    for (Numbers& column : columns) {
      column[i] = gain * (column[i] - mean) / std::sqrt(squares / count + spec.eps) + bias;
    }
  }

  // h of every step and example: [t][b].
  std::vector<Batch> Encode(const std::string& name, const std::vector<std::vector<std::int32_t>>& words,
                            const std::vector<std::vector<double>>& keep) const;
  Batch Attend(const std::vector<Batch>& d, const Batch& q, const std::vector<std::vector<bool>>& counts) const;
};

Number Sigmoid(Number x) { return 1.0 / (1.0 + std::exp(-x)); }

std::size_t Longest(const std::vector<std::vector<std::int32_t>>& words) {
  std::size_t longest = 0;
  for (const auto& some : words) {
    longest = std::max(longest, some.size());
  }
  return longest;
}

std::vector<bool> CountsAt(const std::vector<std::vector<std::int32_t>>& words, std::size_t t) {
  std::vector<bool> counts;
  for (const auto& some : words) {
    counts.push_back(t < some.size());
  }
  return counts;
}

std::vector<Batch> Reader::Encode(const std::string& name, const std::vector<std::vector<std::int32_t>>& words,
                                  const std::vector<std::vector<double>>& keep) const {
  const std::size_t h = spec.units, steps = Longest(words), batch = words.size();
  const Numbers b = parameters.at(name + ".bias"), zeros(h, 0.0);
  const Numbers initial = spec.learn_initial_state ? parameters.at(name + ".initial") : zeros;
  Batch hidden(batch, initial), cells(batch, zeros);
  std::vector<Batch> all, inputs;
  for (std::size_t t = 0; t < steps; ++t) {
    Batch& input = inputs.emplace_back();
    for (std::size_t e = 0; e < batch; ++e) {
      Numbers x(h);
      for (std::size_t i = 0; i < h && t < words[e].size(); ++i) {
        x[i] = parameters.at("embedding.weight")[static_cast<std::size_t>(words[e][t]) * h + i] * keep[e][t * h + i];
      }
      Numbers sums = Times(name + ".input", x);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] += spec.bias_twice ? b[i] : 0.0;
      }
      input.push_back(sums);
    }
  }
  if (spec.mistake == Mistake::kStatisticsOverAllSteps) {  // of the input term
    Batch together;
    std::vector<bool> counts;
    for (std::size_t t = 0; t < steps; ++t) {
      together.insert(together.end(), inputs[t].begin(), inputs[t].end());
      const std::vector<bool> now = CountsAt(words, t);
      counts.insert(counts.end(), now.begin(), now.end());
    }
    Normalise(name + ".input", together, counts);
    for (std::size_t t = 0; t < steps; ++t) {
      std::copy_n(together.begin() + static_cast<std::ptrdiff_t>(t * batch), batch, inputs[t].begin());
    }
  }
  for (std::size_t t = 0; t < steps; ++t) {
    const std::vector<bool> counts = CountsAt(words, t);
    Batch recurrent, next_cells(batch, Numbers(h));
    for (const Numbers& state : hidden) {
      recurrent.push_back(Times(name + ".recurrent", state));
    }
    Normalise(name + ".recurrent", recurrent, counts);
    if (spec.mistake != Mistake::kStatisticsOverAllSteps) {
      Normalise(name + ".input", inputs[t], counts);
    }
    const auto gate = [&](std::size_t e, std::size_t k, std::size_t i) {
      return recurrent[e][k * h + i] + inputs[t][e][k * h + i] + b[k * h + i];
    };
    const std::size_t forget = spec.mistake == Mistake::kForgetIsInput ? 1 : 0;
    for (std::size_t e = 0; e < batch; ++e) {
      for (std::size_t i = 0; i < h; ++i) {
        Number kept = Sigmoid(gate(e, forget, i));
        kept = spec.mistake == Mistake::kUpdateForForget ? 1.0 - kept : kept;
        next_cells[e][i] = kept * cells[e][i] + Sigmoid(gate(e, 1 - forget, i)) * std::tanh(gate(e, 3, i));
      }
    }
    Batch read = next_cells;
    Normalise(name + ".cell", read, counts);
    for (std::size_t e = 0; e < batch; ++e) {
      for (std::size_t i = 0; i < h && counts[e]; ++i) {
        cells[e][i] = next_cells[e][i];
        hidden[e][i] = Sigmoid(gate(e, 2, i)) * std::tanh(read[e][i]);
      }
    }
    all.push_back(hidden);
  }
  return all;
}

Number Dot(const Numbers& x, const Numbers& y) {
  Number sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += x[i] * y[i];
  }
  return sum;
}

// The context of each example.
Batch Reader::Attend(const std::vector<Batch>& d, const Batch& q, const std::vector<std::vector<bool>>& counts) const {
  const std::size_t h = spec.units, steps = d.size(), batch = q.size();
  Batch keys, query;
  std::vector<bool> all_counts;
  std::vector<Numbers> similar(steps, Numbers(batch, 0.0));
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t e = 0; e < batch; ++e) {
      keys.push_back(Times("attention.passage", d[t][e]));
      all_counts.push_back(counts[t][e]);
      similar[t][e] = spec.similarity ? Dot(Times("similarity", d[t][e]), Times("similarity", q[e])) : 0.0;
    }
  }
  if (spec.mistake == Mistake::kSimilarityNormalised) {
    for (std::size_t c = 0; c < keys.size(); ++c) {
      for (Number& v : keys[c]) {
        v += similar[c / batch][c % batch];
      }
    }
    similar.assign(steps, Numbers(batch, 0.0));
  }
  Normalise("attention.passage", keys, all_counts);
  for (const Numbers& one : q) {
    query.push_back(Times("attention.question", one));
  }
  Normalise("attention.question", query, std::vector<bool>(batch, true));
  const Numbers &b = parameters.at("attention.bias"), &v = parameters.at("attention.scores");
  Batch contexts(batch, Numbers(h, 0.0));
  for (std::size_t e = 0; e < batch; ++e) {
    Number total = 0.0;
    for (std::size_t t = 0; t < steps; ++t) {
      if (!counts[t][e] && spec.mistake != Mistake::kPaddingIsAttended) {
        continue;
      }
      Number score = 0.0;
      for (std::size_t i = 0; i < h; ++i) {
        score += v[i] * std::tanh(keys[t * batch + e][i] + query[e][i] + b[i] + similar[t][e]);
      }
      total += std::exp(score);
      for (std::size_t i = 0; i < h; ++i) {
        contexts[e][i] += std::exp(score) * d[t][e][i];
      }
    }
    for (Number& c : contexts[e]) {
      c /= total;
    }
  }
  return contexts;
}

}  // namespace

Number PlainReader::Loss(const std::map<std::string, Numbers>& parameters, const std::vector<Example>& examples) const {
  const Reader reader{.spec = *this, .parameters = parameters};
  std::vector<std::vector<std::int32_t>> passages, questions;
  std::vector<std::vector<double>> keep_passages, keep_questions;
  for (const Example& example : examples) {
    passages.push_back(example.passage);
    questions.push_back(example.question);
    keep_passages.push_back(example.keep_passage);
    keep_questions.push_back(example.keep_question);
  }
  const Batch q = reader.Encode("question", questions, keep_questions).back();
  const std::vector<Batch> d = reader.Encode("passage", passages, keep_passages);
  std::vector<std::vector<bool>> counts;
  for (std::size_t t = 0; t < d.size(); ++t) {
    counts.push_back(CountsAt(passages, t));
  }
  Batch context_terms, question_terms, mean_terms;
  const Batch contexts = reader.Attend(d, q, counts);
  for (std::size_t e = 0; e < examples.size(); ++e) {
    Numbers mean(units, 0.0);
    for (std::size_t t = 0; t < passages[e].size(); ++t) {
      for (std::size_t i = 0; i < units; ++i) {
        mean[i] += d[t][e][i] / static_cast<double>(passages[e].size());
      }
    }
    context_terms.push_back(reader.Times("readout.context", contexts[e]));
    question_terms.push_back(reader.Times("readout.question", q[e]));
    mean_terms.push_back(mean_term ? reader.Times("readout.mean", mean) : Numbers(units, 0.0));
  }
  const std::vector<bool> everyone(examples.size(), true);
  reader.Normalise("readout.context", context_terms, everyone);
  reader.Normalise("readout.question", question_terms, everyone);
  reader.Normalise("readout.mean", mean_terms, everyone);
  Number loss = 0.0;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    Numbers g(units);
    for (std::size_t i = 0; i < units; ++i) {
      g[i] =
          std::tanh(context_terms[e][i] + question_terms[e][i] + mean_terms[e][i] + parameters.at("readout.bias")[i]) *
          examples[e].keep_readout[i];
    }
    const Numbers logits = reader.Times("output", g);
    Number total = 0.0, answer = 0.0;
    for (std::size_t w = 0; w < logits.size(); ++w) {
      const Number p = std::exp(logits[w] + parameters.at("output.bias")[w]);
      total += p;
      answer = w == static_cast<std::size_t>(examples[e].answer) ? p : answer;
    }
    loss -= std::log(answer / total + 1e-8) / static_cast<double>(examples.size());
  }
  return loss;
}

}  // namespace normlab
