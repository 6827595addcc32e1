"""Lesson 3: a convolutional network, and a graph that travels.

The network of `python -m penstock demo`, trained for fewer steps. Afterwards the graph is
written as a GraphDef, read into a fresh graph and run there: the same bytes load in
TensorFlow. Variables are not part of a graph, so their values go along in a dictionary.
"""

import numpy as np

import penstock as ps
from penstock.demo import load_digits
from penstock.demo.train import Network

images, labels = load_digits()
order = np.random.default_rng(0).permutation(len(images))
images, labels = images[order], labels[order]
train, test = slice(0, 1437), slice(1437, None)

with ps.Graph().as_default() as graph:
    network = Network()
    with ps.Session() as session:
        session.run(network.init)
        step = session.make_callable(
            [network.train, network.loss], [network.images, network.labels]
        )
        for epoch in range(6):
            losses = [
                step(images[train][i : i + 64], labels[train][i : i + 64])[1]
                for i in range(0, 1437, 64)
            ]
            print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}")
        feed = {network.images: images[test], network.labels: labels[test]}
        logits, accuracy = session.run([network.logits, network.accuracy], feed)
        weights = session.run({v.name: v for v in ps.global_variables()})
    data = graph.as_graph_def().SerializeToString()

print(f"accuracy {accuracy:.2%}; the graph is {len(data) / 1024:.0f} KiB")

with ps.Graph().as_default() as copy:
    ps.import_graph_def(ps.GraphDef.FromString(data), name="")
    with ps.Session() as session:
        for name, value in weights.items():
            initial = copy.get_operation_by_name(name[:-2] + "/Assign").inputs[1]
            session.run(name[:-2] + "/Assign", {initial: value})
        again = session.run(
            network.logits.name,
            {network.images.name: images[test], network.labels.name: labels[test]},
        )

# The claims: the network learns, and the imported graph computes the same.
assert accuracy >= 0.95, accuracy
assert np.allclose(logits, again, atol=1e-5)
