"""Lesson 4: model parallelism: one network on two devices gives what it gives on one.

Two towers look at the same picture, each on a device of its own, and a head on the first one
joins them. Nobody writes a transfer: the session cuts the graph where an edge crosses, and
`explain_placement` tells why each node is where it is.
"""

import numpy as np

import penstock as ps
from penstock.demo import load_digits

DEVICES = 2


def network(devices):
    """Return (pictures, labels, loss, train_op) of a two-tower network on these devices."""
    pictures = ps.placeholder(ps.float32, [None, 64], name="pictures")
    labels = ps.placeholder(ps.int64, [None], name="labels")
    towers = []
    for i, device in enumerate(devices):
        with ps.device(device), ps.variable_scope(f"tower_{i}"):
            hidden = ps.layers.dense(pictures, 32, activation=ps.nn.relu, name="hidden")
            towers.append(ps.layers.dense(hidden, 16, activation=ps.nn.tanh, name="code"))
    with ps.device(devices[0]):
        logits = ps.layers.dense(ps.concat(towers, axis=1), 10, name="logits")
        losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        loss = ps.reduce_mean(losses)
    train = ps.train.AdamOptimizer(0.01).minimize(loss, colocate_gradients_with_ops=True)
    return pictures, labels, loss, train


def losses(devices, steps=20):
    """Train for some steps and return the losses, and the devices that took part."""
    images, digits = load_digits()
    images, digits = images[:256].reshape(-1, 64), digits[:256]
    with ps.Graph().as_default():
        ps.set_random_seed(3)
        pictures, labels, loss, train = network(devices)
        config = ps.ConfigProto(device_count={"CPU": DEVICES})
        with ps.Session(config=config) as sess:
            sess.run(ps.global_variables_initializer())
            feed = {pictures: images, labels: digits}
            seen = [float(sess.run([loss, train], feed)[0]) for _ in range(steps)]
            metadata = ps.RunMetadata()
            options = ps.RunOptions(output_partition_graphs=True)
            sess.run(train, feed, options=options, run_metadata=metadata)
    return seen, len(metadata.partition_graphs)


def main():
    """Compare one device with two."""
    alone, one = losses(["/cpu:0", "/cpu:0"])
    apart, two = losses(["/cpu:0", "/cpu:1"])
    print(f"one device:  loss {alone[0]:.4f} -> {alone[-1]:.4f} in {one} part")
    print(f"two devices: loss {apart[0]:.4f} -> {apart[-1]:.4f} in {two} parts")
    assert (one, two) == (1, 2)
    np.testing.assert_allclose(alone, apart, rtol=1e-6)
    assert alone[-1] < 0.5 * alone[0]


if __name__ == "__main__":
    main()
