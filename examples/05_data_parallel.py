"""Lesson 5: data parallelism: n towers with averaged gradients take the step of the large batch.

The variables are on the first device. Each tower computes the gradients of its share of the batch
on a device of its own; their mean is the gradient of the whole batch, because each share has as
many examples as the others.
"""

import numpy as np

import penstock as ps
from penstock.demo import load_digits

TOWERS = 4
BATCH = 64


def loss_of(pictures, labels):
    """Return the mean loss of a small network; variables are shared by name."""
    with ps.variable_scope("network", reuse=ps.AUTO_REUSE):
        hidden = ps.layers.dense(pictures, 32, activation=ps.nn.relu, name="hidden")
        logits = ps.layers.dense(hidden, 10, name="logits")
    losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return ps.reduce_mean(losses)


def variables_on(device, others):
    """Return a device function: variables on one device, everything else on another."""

    def choose(operation):
        return device if operation.type == "VarHandleOp" else others

    return choose


def averaged(gradients_of_towers):
    """Return the mean gradient of each variable over the towers."""
    pairs = []
    for of_one_variable in zip(*gradients_of_towers, strict=True):
        gradients = [gradient for gradient, _ in of_one_variable]
        pairs.append((ps.add_n(gradients) / float(len(gradients)), of_one_variable[0][1]))
    return pairs


def train_on(towers, steps=15):
    """Return the losses of training with that many towers on as many devices."""
    images, digits = load_digits()
    images, digits = images[:BATCH].reshape(-1, 64), digits[:BATCH]
    with ps.Graph().as_default():
        ps.set_random_seed(5)
        pictures = ps.placeholder(ps.float32, [BATCH, 64])
        labels = ps.placeholder(ps.int64, [BATCH])
        optimizer = ps.train.MomentumOptimizer(0.1, 0.9)
        losses, gradients = [], []
        shares = zip(ps.split(pictures, towers), ps.split(labels, towers), strict=True)
        for i, (some_pictures, some_labels) in enumerate(shares):
            with ps.device(variables_on("/cpu:0", f"/cpu:{i}")), ps.name_scope(f"tower_{i}"):
                loss = loss_of(some_pictures, some_labels)
                losses.append(loss)
                gradients.append(optimizer.compute_gradients(loss))
        with ps.device("/cpu:0"):
            train = optimizer.apply_gradients(averaged(gradients))
            mean = ps.add_n(losses) / float(towers)
        config = ps.ConfigProto(device_count={"CPU": towers})
        with ps.Session(config=config) as sess:
            sess.run(ps.global_variables_initializer())
            feed = {pictures: images, labels: digits}
            return [float(sess.run([mean, train], feed)[0]) for _ in range(steps)]


def main():
    """Compare one tower with several."""
    whole = train_on(1)
    shared = train_on(TOWERS)
    print(f"one tower, batch {BATCH}:      loss {whole[0]:.4f} -> {whole[-1]:.4f}")
    print(
        f"{TOWERS} towers, {BATCH // TOWERS} examples each: "
        f"loss {shared[0]:.4f} -> {shared[-1]:.4f}"
    )
    np.testing.assert_allclose(whole, shared, rtol=1e-5)
    assert whole[-1] < 0.7 * whole[0]


if __name__ == "__main__":
    main()
