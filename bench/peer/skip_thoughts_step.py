#!/usr/bin/env python3
"""The training step of skip-thoughts in JAX: one jitted step, lax.scan over time, what bench/experiments/skip_thoughts_step.cc times.

    skip_thoughts_step.py skip --norm layer --batch 64 --steps 3 --threads 1       prints ms_per_step=NUMBER; needs jax

64 sentences of 15 words and their neighbours, uncorrected Adam, gradients clipped to a norm of 5 together, float32. `skip` has the
paper's sizes, `skip_small` 256 units, words of 128 values and 5,000 of them.
"""
import argparse
import os
import statistics
import time

parser = argparse.ArgumentParser()
parser.add_argument("job", choices=["skip", "skip_small"])
parser.add_argument("--norm", default="layer", choices=["none", "layer"])
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
if options.threads == 1:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax  # noqa: E402  (reads XLA_FLAGS)
import jax.numpy as jnp  # noqa: E402

UNITS, WORD_SIZE, VOCABULARY = (2400, 620, 20000) if options.job == "skip" else (256, 128, 5000)
BATCH, WORDS, RATE, CLIP = options.batch, 15, 2e-4, 5.0
keys = iter(jax.random.split(jax.random.PRNGKey(0), 40))


def uniform(*shape):
    return jax.random.uniform(next(keys), shape, minval=-0.1, maxval=0.1)


def gru_parameters():
    p = {"w": uniform(WORD_SIZE, 3 * UNITS), "u": uniform(UNITS, 3 * UNITS), "b": jnp.zeros(3 * UNITS)}
    if options.norm == "layer":
        for site, size in (("wg", 2 * UNITS), ("wc", UNITS), ("ug", 2 * UNITS), ("uc", UNITS)):
            p[site] = (jnp.ones(size), jnp.zeros(size))
    return p


def norm(a, site):
    mean = a.mean(-1, keepdims=True)
    variance = jnp.square(a - mean).mean(-1, keepdims=True)
    return site[0] * (a - mean) * jax.lax.rsqrt(variance + 1e-5) + site[1]


def gru(p, inputs, state):
    """The states after each step; inputs are T x B x WORD_SIZE."""

    def step(h, sums):
        recurrent = h @ p["u"]
        wg, wc, ug, uc = sums[:, : 2 * UNITS], sums[:, 2 * UNITS :], recurrent[:, : 2 * UNITS], recurrent[:, 2 * UNITS :]
        if options.norm == "layer":
            wg, wc, ug, uc = norm(wg, p["wg"]), norm(wc, p["wc"]), norm(ug, p["ug"]), norm(uc, p["uc"])
        z, r = jnp.split(jax.nn.sigmoid(wg + ug + p["b"][: 2 * UNITS]), 2, -1)
        candidate = jnp.tanh(wc + r * uc + p["b"][2 * UNITS :])
        h = h + z * (candidate - h)
        return h, h

    return jax.lax.scan(step, state, inputs @ p["w"])[1]


def loss(p, sentence, following, preceding):
    table = p["words"]
    vector = gru(p["encoder"], table[sentence], jnp.zeros((BATCH, UNITS)))[-1]
    states = []
    for name, written in (("next", following), ("previous", preceding)):
        read = jnp.concatenate([jnp.zeros((1, BATCH, WORD_SIZE)), table[written[:-1]]])
        states.append(gru(p[name], read, vector))
    logits = jnp.concatenate(states).reshape(-1, UNITS) @ p["v"] + p["c"]
    target = jnp.concatenate([following, preceding]).reshape(-1, 1)
    probability = jnp.take_along_axis(jax.nn.softmax(logits), target, 1)
    return -jnp.log(probability + 1e-8).sum()


@jax.jit
def update(p, m, v, *triplet):
    value, gradients = jax.value_and_grad(loss)(p, *triplet)
    length = jnp.sqrt(sum(jnp.square(g).sum() for g in jax.tree.leaves(gradients)))
    gradients = jax.tree.map(lambda g: g * jnp.minimum(1.0, CLIP / length), gradients)
    m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * jnp.square(g), v, gradients)
    p = jax.tree.map(lambda a, b, c: a - RATE * b / (jnp.sqrt(c) + 1e-8), p, m, v)
    return p, m, v, value


parameters = {"words": uniform(VOCABULARY, WORD_SIZE), "encoder": gru_parameters(), "next": gru_parameters(),
              "previous": gru_parameters(), "v": uniform(UNITS, VOCABULARY), "c": jnp.zeros(VOCABULARY)}
zeros = jax.tree.map(jnp.zeros_like, parameters)
state = (parameters, zeros, zeros)
ended = jnp.zeros((1, BATCH), jnp.int32)
triplet = [jnp.concatenate([jax.random.randint(next(keys), (WORDS, BATCH), 2, VOCABULARY), ended]) for _ in range(3)]
seconds = []
for _ in range(options.steps + 2):
    begin = time.perf_counter()
    *state, value = update(*state, *triplet)
    jax.block_until_ready(value)
    jax.block_until_ready(state)
    seconds.append(time.perf_counter() - begin)
print(f"loss={float(value):.1f} ms_per_step={1000 * statistics.median(seconds[2:]):.3f}")
