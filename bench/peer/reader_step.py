#!/usr/bin/env python3
"""The attentive reader's training step in JAX, for bench/peer/compare: one jitted step, lax.scan over time, float32.

Sizes are those of bench/experiments/reader_step.cc: 64 passages of 40 to 200 words padded to 200, questions of 8 to 24 words, 240
units, 65,830 words; the released model with dropout, clipping at 10 and Adam. Needs JAX:

  bench/peer/compare reader --peer bench/peer/reader_step.py --norm layer
"""
import argparse
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("job", choices=["reader"])
parser.add_argument("--norm", default="layer", choices=["none", "layer", "batch"])
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
if options.threads == 1:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax  # noqa: E402, after the flags it reads
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

H, WORDS, T, Q, B = 240, 65830, 200, 24, options.batch
keys = iter(jax.random.split(jax.random.PRNGKey(0), 64))


def matrix(rows, columns):
    bound = np.sqrt(6 / (rows + columns))
    return jax.random.uniform(next(keys), (rows, columns), minval=-bound, maxval=bound)


def lstm():
    p = {"x": matrix(H, 4 * H), "h": matrix(H, 4 * H), "b": jnp.zeros(4 * H), "h0": jnp.zeros(H)}
    if options.norm != "none":
        gain = 0.1 if options.norm == "batch" else 1.0
        for site, n in (("nx", 4 * H), ("nh", 4 * H), ("nc", H)):
            p[site] = (jnp.full(n, gain), jnp.zeros(n))
    return p


def norm(a, site, mask):
    if options.norm == "none":
        return a
    if options.norm == "layer":
        mean = a.mean(-1, keepdims=True)
        variance = ((a - mean) ** 2).mean(-1, keepdims=True)
    else:
        count = mask.sum()
        mean = (a * mask).sum(0) / count
        variance = ((a - mean) ** 2 * mask).sum(0) / count
    return (a - mean) * jax.lax.rsqrt(variance + 1e-5) * site[0] + site[1]


def encode(p, x, mask):
    sums = x @ p["x"] + p["b"]

    def step(state, now):
        h, c = state
        a, m = now
        if options.norm == "none":
            gates = h @ p["h"] + a + p["b"]
        else:
            gates = norm(h @ p["h"], p["nh"], m) + norm(a, p["nx"], m) + p["b"]
        f, i, o, g = jnp.split(gates, 4, -1)
        new_c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        read = new_c if options.norm == "none" else norm(new_c, p["nc"], m)
        new_h = jax.nn.sigmoid(o) * jnp.tanh(read)
        h, c = jnp.where(m > 0, new_h, h), jnp.where(m > 0, new_c, c)
        return (h, c), h

    start = (jnp.broadcast_to(p["h0"], (B, H)), jnp.zeros((B, H)))
    return jax.lax.scan(step, start, (sums, mask))[1]


def dropout(key, x):
    return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), 2 * x, 0.0)


def loss(p, key, passage, passage_mask, question, question_mask, answers):
    k = jax.random.split(key, 3)
    d = encode(p["passage"], dropout(k[0], p["embedding"][passage]), passage_mask)
    q = encode(p["question"], dropout(k[1], p["embedding"][question]), question_mask)[-1]
    s = ((d @ p["m"]) * (q @ p["m"])).sum(-1, keepdims=True)
    scores = jnp.tanh(d @ p["wd"] + q @ p["wq"] + p["ba"] + s) @ p["v"]
    mask = passage_mask[..., 0]
    a = jax.nn.softmax(jnp.where(mask > 0, scores, -1e30), axis=0) * mask
    context = (a[..., None] * d).sum(0)
    mean = (d * passage_mask).sum(0) / passage_mask.sum(0)
    g = jnp.tanh(context @ p["wc"] + q @ p["wr"] + mean @ p["wm"] + p["br"])
    logits = dropout(k[2], g) @ p["wo"] + p["bo"]
    likely = jnp.take_along_axis(jax.nn.softmax(logits), answers[:, None], 1)
    return -jnp.log(likely + 1e-8).mean()


def update(p, m, v, n, key, *batch):
    value, gradient = jax.value_and_grad(loss)(p, key, *batch)
    size = jnp.sqrt(sum((g ** 2).sum() for g in jax.tree_util.tree_leaves(gradient)))
    scale = jnp.minimum(1.0, 10.0 / size)
    n = n + 1
    tree = jax.tree_util.tree_map
    m = tree(lambda a, g: 0.9 * a + 0.1 * scale * g, m, gradient)
    v = tree(lambda a, g: 0.999 * a + 0.001 * (scale * g) ** 2, v, gradient)
    rate = 8e-5 * jnp.sqrt(1 - 0.999 ** n) / (1 - 0.9 ** n)
    p = tree(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-8), p, m, v)
    return p, m, v, n, value


parameters = {"embedding": matrix(WORDS, H), "passage": lstm(), "question": lstm(), "v": matrix(H, 1)[:, 0],
              "ba": jnp.zeros(H), "br": jnp.zeros(H), "wo": matrix(H, WORDS), "bo": jnp.zeros(WORDS)}
parameters.update({name: matrix(H, H) for name in ("m", "wd", "wq", "wc", "wr", "wm")})
rng = np.random.default_rng(1)


def texts(shortest, longest):
    lengths = np.concatenate([[longest], rng.integers(shortest, longest, B - 1)])
    mask = (np.arange(longest)[:, None] < lengths).astype(np.float32)[..., None]
    return jnp.asarray(rng.integers(0, WORDS, (longest, B))), jnp.asarray(mask)


batch = (*texts(40, T), *texts(8, Q), jnp.asarray(rng.integers(0, 500, B)))
zeros = jax.tree_util.tree_map(jnp.zeros_like, parameters)
state = (parameters, zeros, jax.tree_util.tree_map(jnp.zeros_like, parameters), jnp.float32(0))
step = jax.jit(update, donate_argnums=(0, 1, 2))
times = []
for i in range(options.steps + 2):
    begin = time.perf_counter()
    *state, value = step(*state, jax.random.PRNGKey(i), *batch)
    value.block_until_ready()
    times.append(time.perf_counter() - begin)
print(f"loss={float(value):.4f} ms_per_step={1000 * statistics.median(times[2:]):.3f}")
