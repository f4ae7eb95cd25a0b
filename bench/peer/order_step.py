#!/usr/bin/env python3
"""The order embedding's training step in JAX, one jitted function, for bench/peer/compare: 128 captions of 20 words, 1,024 units,
4,096 features an image, 12,000 words; summed hinge, each gradient clipped to norm 2, Adam without bias correction, float32."""
import argparse
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("job", choices=["order"])
parser.add_argument("--norm", default="layer", choices=["none", "layer"])
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--steps", type=int, default=5)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
if options.threads == 1:
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax  # noqa: E402, after its flags
import jax.numpy as jnp  # noqa: E402

STEPS, UNITS, WORD, FEATURES, WORDS, MARGIN, RATE = 20, 1024, 300, 4096, 12000, 0.05, 1e-3
keys = iter(jax.random.split(jax.random.PRNGKey(0), 100))


def uniform(shape, bound):
    return jax.random.uniform(next(keys), shape, minval=-bound, maxval=bound)


parameters = {
    "words": uniform((WORDS, WORD), 0.1), "input": uniform((WORD, 3 * UNITS), 0.1),
    "recurrent": jnp.concatenate([jnp.linalg.qr(uniform((UNITS, UNITS), 1.0))[0] for _ in range(3)], axis=1),
    "bias": jnp.zeros(3 * UNITS), "image": uniform((FEATURES, UNITS), (6 / (FEATURES + UNITS)) ** 0.5),
    "image_bias": jnp.zeros(UNITS),
    "norms": [(jnp.ones(n), jnp.zeros(n)) for n in (2 * UNITS, 2 * UNITS, UNITS, UNITS)],
}


def normalize(x, norm):
    if options.norm == "none":
        return x
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * norm[0] + norm[1]


def unit(x):
    return jnp.abs(x / jnp.sqrt((x * x).sum(-1, keepdims=True)))


def loss_of(p, words, mask, features):
    gates_h, gates_x, candidate_x, candidate_h = p["norms"]
    sums = p["words"][words] @ p["input"]

    def step(h, inputs):
        x, counts = inputs
        r = h @ p["recurrent"]
        gates = jax.nn.sigmoid(normalize(r[:, :2 * UNITS], gates_h) + normalize(x[:, :2 * UNITS], gates_x)
                               + p["bias"][:2 * UNITS])
        z, reset = gates[:, :UNITS], gates[:, UNITS:]
        candidate = jnp.tanh(normalize(x[:, 2 * UNITS:], candidate_x) + reset * normalize(r[:, 2 * UNITS:], candidate_h)
                             + p["bias"][2 * UNITS:])
        return jnp.where(counts[:, None] > 0, h + z * (candidate - h), h), None

    h, _ = jax.lax.scan(step, jnp.zeros((words.shape[1], UNITS)), (sums, mask))
    s, x = unit(h), unit(features @ p["image"] + p["image_bias"])
    # An image at a time: all differences at once would be 64 MB.
    e = jax.lax.map(lambda image: (jnp.maximum(0, s - image) ** 2).sum(-1), x).T
    right = jnp.diagonal(e)
    wrong = 1 - jnp.eye(e.shape[0])
    return (wrong * (jnp.maximum(0, MARGIN - e + right[:, None]) + jnp.maximum(0, MARGIN - e + right[None, :]))).sum()


@jax.jit
def update(p, m, v, words, mask, features):
    loss, g = jax.value_and_grad(loss_of)(p, words, mask, features)
    tree = jax.tree_util.tree_map
    g = tree(lambda g: g * jnp.minimum(1, 2 / jnp.sqrt((g * g).sum() + 1e-30)), g)
    m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    return tree(lambda p, m, v: p - RATE * m / (jnp.sqrt(v) + 1e-8), p, m, v), m, v, loss


words = jax.random.randint(next(keys), (STEPS, options.batch), 2, WORDS)
mask = jnp.ones((STEPS, options.batch))
features = jax.random.uniform(next(keys), (options.batch, FEATURES)) / 32
m = jax.tree_util.tree_map(jnp.zeros_like, parameters)
v = jax.tree_util.tree_map(jnp.zeros_like, parameters)
times = []
for _ in range(options.steps + 2):
    begin = time.perf_counter()
    parameters, m, v, loss = jax.block_until_ready(update(parameters, m, v, words, mask, features))
    times.append(1e3 * (time.perf_counter() - begin))
print(f"loss={float(loss):.4f} ms_per_step={statistics.median(times[2:]):.3f}")
