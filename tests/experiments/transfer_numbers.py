"""Prints transfer_numbers.h: what scikit-learn and SciPy make of the same random examples.

    python3 transfer_numbers.py > transfer_numbers.h      needs scikit-learn (1.9.1 made what is stored) and scipy (1.17.1)

Logistic regression is that of LIBLINEAR, whose intercept is regularised like a weight: what scikit-learn did by default in 2016.
Nested cross-validation is written as the released skip-thoughts evaluation has it.
"""

import numpy
import scipy.stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

EXAMPLES, FEATURES = 150, 6
random = numpy.random.RandomState(19)
# Numbers that a float holds exactly. Features that hang together, as those of sentence vectors do.
x = random.normal(size=(EXAMPLES, FEATURES)) @ (numpy.eye(FEATURES) + 0.5 * random.normal(size=(FEATURES, FEATURES)))
x = (0.3 * x).astype(numpy.float32).astype(numpy.float64)
y = (x @ random.normal(size=FEATURES) + 0.5 * random.normal(size=EXAMPLES) > 0.1).astype(int)


def fitted(c, rows):
    model = LogisticRegression(C=c, solver="liblinear", tol=1e-12, max_iter=100000)
    return model.fit(x[rows], y[rows])


def nested():
    accuracies, chosen = [], []
    for train, test in KFold(10).split(x):
        scores = []
        for c in [2.0**k for k in range(9)]:
            inner = [fitted(c, train[a]).score(x[train[b]], y[train[b]]) for a, b in KFold(10).split(train)]
            scores.append(numpy.mean(inner))
        c = 2.0 ** int(numpy.argmax(scores))
        chosen.append(c)
        accuracies.append(fitted(c, train).score(x[test], y[test]))
    return accuracies, chosen


def row(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


accuracies, chosen = nested()
part = numpy.arange(EXAMPLES) % 3 != 0
# Sevenths and quarters, for ties.
u, v = numpy.round(7 * random.normal(size=40)) / 7, numpy.round(4 * random.normal(size=40)) / 4
v = v + u

print(f"""// transfer_numbers.h - made by transfer_numbers.py, which says of what; do not edit.
#pragma once

#include <cstdint>

// clang-format off
namespace normlab::reference {{

inline constexpr int kExamples = {EXAMPLES}, kFeatures = {FEATURES};
inline constexpr float kX[kExamples][kFeatures] = {{""")
for values in x:
    print("    {" + ", ".join(f"{v!r}f" for v in map(float, values)) + "},")
print("};")
print(f"inline constexpr std::uint8_t kLabels[kExamples] = {{{', '.join(map(str, y))}}};")
print("""
// Of the examples whose number 3 does not divide, and of all: weights, and then the intercept.
struct Fit {
  double c;
  double part[kFeatures + 1], all[kFeatures + 1];
};
inline constexpr Fit kFits[] = {""")
for c in [1.0, 16.0, 256.0]:
    weights = [row([*model.coef_[0], *model.intercept_]) for model in (fitted(c, part), fitted(c, slice(None)))]
    print(f"    {{{c!r}, {weights[0]}, {weights[1]}}},")
print("};")
print(f"""
inline constexpr double kAccuracies[10] = {row(accuracies)};
inline constexpr double kChosen[10] = {row(chosen)};

inline constexpr double kU[40] = {row(u)};
inline constexpr double kV[40] = {row(v)};
inline constexpr double kPearson = {float(scipy.stats.pearsonr(u, v)[0])!r};
inline constexpr double kSpearman = {float(scipy.stats.spearmanr(u, v)[0])!r};

}}  // namespace normlab::reference
// clang-format on""")
