#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bench's work in PyTorch: prints one JSON object of figures. usage: peer_torch.py eager|compile"""
import json
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

COMPILE = sys.argv[1:] == ["compile"]


def median_time(work, repeat, warm=5, rounds=7):
    """Seconds that one call takes: the median of several rounds."""
    for _ in range(warm):
        work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeat):
            work()
        times.append((time.perf_counter() - start) / repeat)
    return statistics.median(times)


def training_step(net, x, y):
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01, foreach=True)

    def loss_of(x, y):
        return F.cross_entropy(net(x), y)

    forward = torch.compile(loss_of) if COMPILE else loss_of

    def step():
        optimizer.zero_grad()
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def convnet():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))


def main():
    torch.manual_seed(0)
    figures = {}
    labels = torch.randint(0, 10, (128,))
    mlp = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    start = time.perf_counter()
    step = training_step(mlp, torch.rand(128, 784), labels)
    step()
    figures["mlp_first_step_ms"] = (time.perf_counter() - start) * 1e3
    figures["mlp_step_us"] = median_time(step, 100) * 1e6
    cnn = median_time(training_step(convnet(), torch.rand(128, 1, 28, 28), labels), 5)
    figures["cnn_images_per_s"] = 128 / cnn
    table = torch.rand(8192, 1024)
    softmax = torch.compile(lambda x: torch.softmax(x, -1)) if COMPILE else (lambda x: torch.softmax(x, -1))
    figures["softmax_ms"] = median_time(lambda: softmax(table), 5) * 1e3
    if not COMPILE:
        a, b = torch.rand(16), torch.rand(16)

        def chain():
            z = a
            for _ in range(10000):
                z = z + b
        figures["small_op_us"] = median_time(chain, 1) / 10000 * 1e6
    print(json.dumps(figures))


main()
