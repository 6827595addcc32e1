"""Lesson 7: the deepest network that fits, plain and checkpointed.

Training keeps every activation until the backward pass has read it, so memory grows with depth.
With a memory budget penstock drops some of them and computes them again when they are wanted: the
gradients are the same bit for bit, and a step takes a little longer. This lesson asks how deep a
network may be in half a mebibyte, trains the deepest of both kinds on handwritten digits, and
draws what each holds over one step into a temporary folder, whose name is printed.
"""

import tempfile
from pathlib import Path

import numpy as np

import penstock as ps
from penstock.demo import load_digits

BUDGET = 512 * 1024  # bytes for everything that a step makes; weights are there before and after
BATCH, WIDTH, STEPS = 128, 32, 60

images, labels = load_digits()
images = images.reshape(-1, 64)


class Network:
    """Residual blocks h + tanh(h W) / depth between two dense layers, and one training step."""

    def __init__(self, depth: int, budget: int) -> None:
        random = np.random.default_rng(0)

        def weights(rows: int, columns: int) -> ps.Variable:
            start = random.normal(0, rows**-0.5, (rows, columns))
            return ps.Variable(start.astype(np.float32))

        self.depth = depth
        self.x = ps.placeholder(ps.float32, [BATCH, 64])
        self.y = ps.placeholder(ps.int32, [BATCH])
        h = ps.tanh(ps.matmul(self.x, weights(64, WIDTH)))
        for _ in range(depth):
            h = h + ps.tanh(ps.matmul(h, weights(WIDTH, WIDTH))) / depth
        logits = ps.matmul(h, weights(WIDTH, 10))
        losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=self.y, logits=logits)
        self.loss = ps.reduce_mean(losses)
        # The only line that is about memory. More than the budget is never taken; where no
        # schedule fits, the error names the smallest budget that one was found for.
        self.train = ps.train.GradientDescentOptimizer(0.5).minimize(
            self.loss, memory_budget=budget
        )


def planned(depth: int, budget: int):
    """Return the plan of a network's step: when to compute what, and what that needs."""
    with ps.Graph().as_default():
        network = Network(depth, budget)
        with ps.Session() as session:
            return session.explain_plan(network.train, [network.x, network.y]).recomputation


# How deep without repeating anything? A budget without end plans the plain step; its peak grows by
# the same bytes with every block.
plain_peak = {depth: planned(depth, 1 << 40).evaluation.peak for depth in (4, 8)}
block = (plain_peak[8] - plain_peak[4]) // 4
plain_depth = 4 + (BUDGET - plain_peak[4]) // block
print(f"a block keeps {block:,} bytes: {plain_depth} blocks fit into {BUDGET:,} bytes")

# And with a budget, if at most one forward pass is repeated? Deeper, until it no longer fits.
deep = plain_depth
while True:
    try:
        found = planned(deep * 2, BUDGET)
    except ps.errors.ResourceExhaustedError:
        break
    if found.evaluation.recomputed > 1:
        break
    deep, plan = deep * 2, found
print(f"{deep} blocks fit when {plan.evaluation.recomputed:.0%} of a forward pass is repeated")


def train(depth: int) -> tuple[float, float, int]:
    """Train; return the losses at the start and the end, and the most bytes a step held."""
    with ps.Graph().as_default():
        network = Network(depth, BUDGET)
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            losses, most = [], 0
            for step in range(STEPS):
                rows = np.arange(step * BATCH, (step + 1) * BATCH) % len(images)
                feed = {network.x: images[rows], network.y: labels[rows]}
                (loss, _), memory = session.run_with_memory([network.loss, network.train], feed)
                losses.append(loss)
                most = max(most, memory.peak - memory.live_before)
            return float(np.mean(losses[:5])), float(np.mean(losses[-5:])), most


results = {depth: train(depth) for depth in (plain_depth, deep)}
for depth, (first, last, most) in results.items():
    print(f"{depth:4} blocks: loss {first:.2f} -> {last:.2f}, at most {most:,} bytes in a step")


# What is in memory while a step goes on: the deep network with everything kept, then as planned.
def explained(depth: int, budget: int):
    with ps.Graph().as_default():
        network = Network(depth, budget)
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            feed = {network.x: images[:BATCH], network.y: labels[:BATCH]}
            return session.explain_memory(network.train, feed)


kept, dropped = explained(deep, 1 << 40), explained(deep, BUDGET)
folder = Path(tempfile.mkdtemp(prefix="penstock_"))
kept.plot("everything kept", {"within the budget": dropped}).save(folder / "memory.html")
print(f"open {folder}/memory.html in a browser")

# The claims: many times as deep in the same memory, never above it, and it learns.
assert deep >= 8 * plain_depth, (deep, plain_depth)
assert all(most <= BUDGET for _, _, most in results.values()), results
assert dropped.peak["CPU:0"] < kept.peak["CPU:0"]
assert all(last < 0.7 * first for first, last, _ in results.values()), results
