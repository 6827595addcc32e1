"""Lesson 2: a multi-layer perceptron on real handwritten digits.

1,797 images of 8x8 pixels. Mini-batches are fed through placeholders whose first dimension
is open ([None, 64]), an optimizer writes the update nodes, and a second part of the same
graph measures accuracy. Only what a run asks for is executed.
"""

import numpy as np

import penstock as ps
from penstock.demo import load_digits

images, labels = load_digits()
images = images.reshape(-1, 64)
rng = np.random.default_rng(0)
order = rng.permutation(len(images))
train, test = order[:1437], order[1437:]


def layer(inputs, units, name):
    """A dense layer: inputs [n, k] -> [n, units]."""
    with ps.variable_scope(name):
        k = inputs.get_shape()[1].value
        weights = ps.get_variable("weights", [k, units])
        biases = ps.get_variable("biases", [units], initializer=ps.zeros_initializer())
        return ps.nn.bias_add(ps.matmul(inputs, weights), biases)


with ps.Graph().as_default():
    ps.set_random_seed(1)
    x = ps.placeholder(ps.float32, [None, 64], name="x")
    y = ps.placeholder(ps.int32, [None], name="y")
    hidden = ps.nn.relu(layer(x, 64, "hidden"))
    logits = layer(hidden, 10, "logits")
    loss = ps.reduce_mean(ps.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    update = ps.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    hits = ps.equal(ps.argmax(logits, 1, output_type=ps.int32), y)
    accuracy = ps.reduce_mean(ps.cast(hits, ps.float32))

    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        for epoch in range(30):
            rng.shuffle(train)
            for start in range(0, len(train), 32):
                rows = train[start : start + 32]
                session.run(update, {x: images[rows], y: labels[rows]})
            if epoch % 10 == 9:
                loss_now = session.run(loss, {x: images[train], y: labels[train]})
                print(f"epoch {epoch + 1}: loss on the training images {loss_now:.4f}")
        measured = session.run(accuracy, {x: images[test], y: labels[test]})
        print(f"accuracy on {len(test)} test images: {measured:.2%}")

# The claim: a small network reads at least 95% of digits it has never seen.
assert measured >= 0.95, measured
