#!/usr/bin/env python3
"""A convolutional network's training step in PyTorch, for bench/peer/compare: Caffe's network or ConvPool-CNN-C on 100 images of
32 x 32 pixels in colour, normalised after each convolution; softmax, Adam, float32."""
import argparse
import statistics
import time

import torch
from torch import nn

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("job", choices=["caffe", "convpool"])
parser.add_argument("--norm", default="layer", choices=["none", "layer", "batch"])
parser.add_argument("--batch", type=int, default=100)
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(0)


def stage(inputs, channels, side, padding):
    """Layer norm is over channels and positions, with a gain and a bias a channel."""
    norm = {"none": nn.Identity, "layer": lambda: nn.GroupNorm(1, channels), "batch": lambda: nn.BatchNorm2d(channels)}[options.norm]()
    return [nn.Conv2d(inputs, channels, side, padding=padding, bias=options.norm == "none"), norm, nn.ReLU(inplace=True)]


def caffe():
    pools = [nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(3, 2, ceil_mode=True)]
    layers = []
    for inputs, channels, pool in zip((3, 32, 32), (32, 32, 64), pools):
        layers += [*stage(inputs, channels, 5, 2), pool]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10))


def convpool():
    layers = []
    for inputs, channels in ((3, 96), (96, 192)):
        layers += [*stage(inputs, channels, 3, 1), *stage(channels, channels, 3, 1), *stage(channels, channels, 3, 1), nn.MaxPool2d(2, 2)]
        layers.append(nn.Dropout(0.5))
    layers += [*stage(192, 192, 3, 0), *stage(192, 192, 1, 0), *stage(192, 192, 1, 0), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(192, 10))


network = caffe() if options.job == "caffe" else convpool()
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
images = torch.rand(options.batch, 3, 32, 32)
labels = torch.randint(0, 10, (options.batch,))


def step():
    optimizer.zero_grad(set_to_none=True)
    nn.functional.cross_entropy(network(images), labels).backward()
    optimizer.step()


for _ in range(3):
    step()
times = []
for _ in range(options.steps):
    begin = time.perf_counter()
    step()
    times.append(time.perf_counter() - begin)
print(f"ms_per_step={1e3 * statistics.median(times):.3f}")
