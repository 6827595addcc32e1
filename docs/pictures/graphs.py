"""Makes the pictures of graphs in this folder: `python docs/pictures/graphs.py`.

Static pictures are written by penstock itself. Pages are photographed by a browser of the Chromium
family, if one is installed: the page's address says which stage is shown and which node is told
about.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import penstock as ps

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def dense(inputs: ps.Tensor, units: int, name: str) -> ps.Tensor:
    """A layer: inputs [n, k] -> [n, units]."""
    with ps.variable_scope(name):
        weights = ps.get_variable("weights", [inputs.get_shape()[1].value, units])
        biases = ps.get_variable("biases", [units], initializer=ps.zeros_initializer())
        return ps.nn.bias_add(ps.matmul(inputs, weights), biases)


def perceptron() -> tuple[ps.Graph, ps.Operation, list[ps.Tensor]]:
    """The network of lesson 2: its graph, its update, its feeds."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [None, 64], name="x")
        y = ps.placeholder(ps.int32, [None], name="y")
        logits = dense(ps.nn.relu(dense(x, 64, "hidden")), 10, "logits")
        losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        update = ps.train.MomentumOptimizer(0.1, 0.9).minimize(ps.reduce_mean(losses))
    return graph, update, [x, y]


def towers() -> tuple[ps.Graph, ps.Tensor, list[ps.Tensor]]:
    """Two halves of a network, each on a device of its own."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [None, 8], name="x")
        halves = []
        for k in range(2):
            with ps.device(f"/cpu:{k}"), ps.name_scope(f"tower{k}"):
                weights = ps.ones([8, 4]) * (k + 1.0)
                halves.append(ps.nn.relu(ps.matmul(x, weights)))
        with ps.device("/cpu:0"):
            total = ps.add(halves[0], halves[1], name="total")
    return graph, total, [x]


def photograph(page: Path, address: str, picture: str, width: int, height: int) -> None:
    """Save what a browser shows of a page, if there is a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"no browser of the Chromium family: {picture} stays as it is")
        return
    options = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=3000"]
    options += [f"--window-size={width},{height}", f"--screenshot={HERE / picture}"]
    subprocess.run(
        [browser, *options, f"{page.as_uri()}#{address}"], check=True, capture_output=True
    )


def main() -> None:
    """Write every picture."""
    graph, update, feeds = perceptron()
    graph.visualize("logits/BiasAdd", title="perceptron").save(HERE / "graph.svg")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "plan.html"
        with ps.Session(graph=graph) as session:
            session.explain_plan(update, feeds).visualize(title="one update").save(page)
        photograph(
            page, "stage=fold_constants&node=gradients/Mean_grad/Maximum", "plan.png", 1200, 760
        )
        graph.visualize(title="perceptron").save(page)
        photograph(page, "theme=dark&node=hidden/MatMul", "graph.png", 1200, 760)
    graph, total, feeds = towers()
    config = ps.ConfigProto(device_count={"CPU": 2})
    with ps.Session(graph=graph, config=config) as session:
        plan = session.explain_plan(total, feeds).visualize(title="two devices")
        stepper = session.stepper(total, {feeds[0]: [[1.0] * 8]}, keep=True)
        stepper.run_to("tower1/MatMul")
        stepper.visualize().save(HERE / "stepper.svg")
    plan.save(HERE / "devices.svg")


if __name__ == "__main__":
    main()
