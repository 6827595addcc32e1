"""The IR before and after each pass, on a graph that gives every pass something to do.

The files under tests/golden/passes/ are the expected texts; `--update-golden` rewrites them.
"""

import penstock as ps
from penstock import _native
from penstock.graph.check import check_ir
from penstock.graph.extract import extract
from penstock.options import Options
from penstock.passes.context import PassContext, PlanLog
from penstock.passes.pipeline import PIPELINE
from penstock.runtime.plan import evaluate


def sample():
    """A graph with something for every pass; returns (graph, fetches, targets, feeds)."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [2, 3], name="x")
        ref = ps.raw_ops.VariableV2(shape=[3], dtype=ps.float32, name="ref")
        assign = ps.raw_ops.Assign(ref, [1.0, 2.0, 3.0], name="assign")
        same = ps.identity(x, name="same")
        scale = ps.add(ps.constant(2.0, name="two"), 1.0, name="three")
        left = ps.multiply(same, scale, name="left")
        right = ps.multiply(x, scale, name="right")
        rows = ps.shape(x, name="rows")[0]
        with ps.control_dependencies([assign.op]):
            total = ps.reduce_sum(left + right, 1, name="total")
        out = ps.add(ps.reduce_sum(ref + left, 1, name="summed"), total, name="out")
        count = ps.cast(rows, ps.float32, name="count")
    return graph, [out, count], [assign.op], [x]


def context() -> PassContext:
    session = _native.Session()
    return PassContext(Options(check=True), lambda part: evaluate(part, session), PlanLog())


def test_each_pass_leaves_the_expected_ir(golden):
    ir = extract(*sample())
    check_ir(ir, "extract")
    golden("passes/0_extract.txt", f"{ir}\n")
    ctx = context()
    for i, (apply, _) in enumerate(PIPELINE, 1):
        ctx.log.stage = apply.__name__
        ir = apply(ir, ctx)
        check_ir(ir, apply.__name__)
        golden(f"passes/{i}_{apply.__name__}.txt", f"{ir}\n")
    notes = "\n".join(f"{n.stage}: {n.action} {n.node}: {n.reason}" for n in ctx.log.notes)
    golden("passes/notes.txt", notes + "\n")


def test_a_malformed_ir_is_reported_with_its_neighbourhood():
    ir = extract(*sample())
    broken = dict(ir.nodes)
    broken["left"] = broken["left"].replace(inputs=(("nowhere", 0), ("three", 0)))
    try:
        check_ir(type(ir)(broken, ir.roots), "a test")
    except ps.errors.InternalError as error:
        text = str(error)
    assert 'after a test: node "left" reads "nowhere"' in text and "> left = Mul" in text


def test_stages_are_dumped_by_name(capfd, monkeypatch):
    monkeypatch.setattr("penstock.options.current", Options(debug=frozenset({"simplify"})))
    x = ps.placeholder(ps.float32, [2], name="x")
    with ps.Session() as session:
        session.run(ps.identity(x) + 1.0, {x: [1, 2]})
    dumped = capfd.readouterr().err
    assert dumped.startswith("--- simplify:") and dumped.count("---") == 1
