#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The bench's work in JAX, jitted with donated state: prints one JSON object of figures."""
import functools
import json
import math
import statistics
import time

import jax
import jax.numpy as jnp
import optax

KEY = jax.random.PRNGKey(0)


def median_time(work, repeat, warm=3, rounds=7):
    for _ in range(warm):
        jax.block_until_ready(work())
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeat):
            out = work()
        jax.block_until_ready(out)
        times.append((time.perf_counter() - start) / repeat)
    return statistics.median(times)


def linear(n_in, n_out):
    return {"w": jax.random.normal(KEY, (n_in, n_out)) / math.sqrt(n_in), "b": jnp.zeros(n_out)}


def apply_linear(layer, x):
    return x @ layer["w"] + layer["b"]


def training_step(apply, params, x, y):
    """A function that trains one step, and how long the first took (compilation included)."""
    optimizer = optax.adamw(1e-3, weight_decay=0.01)

    def loss_of(params):
        return optax.softmax_cross_entropy_with_integer_labels(apply(params, x), y).mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def update(params, state):
        loss, grads = jax.value_and_grad(loss_of)(params)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    held = [params, optimizer.init(params)]

    def step():
        held[0], held[1], loss = update(*held)
        return loss

    start = time.perf_counter()
    jax.block_until_ready(step())
    return step, time.perf_counter() - start


def conv(layer, x):
    out = jax.lax.conv_general_dilated(x, layer["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    out = jax.nn.relu(out + layer["b"])
    return jax.lax.reduce_window(out, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def convnet(params, x):
    x = conv(params[1], conv(params[0], x))
    x = x.reshape(x.shape[0], -1)
    return apply_linear(params[3], jax.nn.relu(apply_linear(params[2], x)))


def conv_layer(n_in, n_out):
    return {"w": jax.random.normal(KEY, (3, 3, n_in, n_out)) / math.sqrt(9 * n_in), "b": jnp.zeros(n_out)}


def main():
    figures = {}
    labels = jax.random.randint(KEY, (128,), 0, 10)
    x = jax.random.uniform(KEY, (128, 784))
    step, first = training_step(lambda p, x: apply_linear(p[1], jax.nn.relu(apply_linear(p[0], x))),
                                [linear(784, 256), linear(256, 10)], x, labels)
    figures["mlp_first_step_ms"] = first * 1e3
    figures["mlp_step_us"] = median_time(step, 100) * 1e6
    params = [conv_layer(1, 32), conv_layer(32, 64), linear(3136, 128), linear(128, 10)]
    step, _ = training_step(convnet, params, jax.random.uniform(KEY, (128, 28, 28, 1)), labels)
    figures["cnn_images_per_s"] = 128 / median_time(step, 5)
    a = jax.random.uniform(KEY, (16,))
    b = a + 1

    def chain():
        z = a
        for _ in range(2000):
            z = z + b
        return z
    figures["small_op_us"] = median_time(chain, 1) / 2000 * 1e6
    table = jax.random.uniform(KEY, (8192, 1024))
    softmax = jax.jit(lambda t: jax.nn.softmax(t, -1))
    figures["softmax_ms"] = median_time(lambda: softmax(table), 5) * 1e3
    print(json.dumps(figures))


main()
