"""Lesson 1: a graph, a session, a gradient.

We fit y = w x + b to noisy points by gradient descent. Nothing is computed while the graph
is built; `Session.run` computes what is asked for and what that needs. `gradients` adds
nodes that compute derivatives: they are ordinary nodes, which one can run and look at.
"""

import numpy as np

import penstock as ps

rng = np.random.default_rng(0)
points = rng.uniform(-1, 1, 200).astype(np.float32)
values = (3 * points + 0.5 + rng.normal(0, 0.1, 200)).astype(np.float32)

with ps.Graph().as_default() as graph:
    x = ps.placeholder(ps.float32, [None], name="x")
    y = ps.placeholder(ps.float32, [None], name="y")
    w = ps.Variable(0.0, name="w")
    b = ps.Variable(0.0, name="b")
    loss = ps.reduce_mean(ps.square(w * x + b - y), name="loss")

    dw, db = ps.gradients(loss, [w, b])
    step = ps.group(ps.assign_sub(w, 0.5 * dw), ps.assign_sub(b, 0.5 * db), name="step")

    print(f"the graph has {len(graph.get_operations())} operations; the loss is {loss}")

    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        feed = {x: points, y: values}
        first = session.run(loss, feed)
        for _ in range(100):
            session.run(step, feed)
        last, slope, offset = session.run([loss, w, b], feed)
        print(f"loss {first:.4f} -> {last:.4f}, w = {slope:.3f}, b = {offset:.3f}")
        print(session.explain_plan(step, feed).summary())

# The claim: gradient descent finds what least squares gives in closed form.
best = np.polyfit(points.astype(np.float64), values.astype(np.float64), 1)
assert np.allclose([slope, offset], best, atol=1e-3), (slope, offset, best)
