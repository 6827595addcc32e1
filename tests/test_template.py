"""make_template: one set of variables, whatever the number of calls."""

import pytest

import penstock as ps


def scaled(x: float, factor: float = 1.0) -> ps.Tensor:
    w = ps.get_variable("w", [], initializer=ps.ones_initializer())
    return w * x * factor


def test_calls_share_variables() -> None:
    layer = ps.make_template("layer", scaled, factor=3.0)
    other = ps.make_template("layer", scaled)
    assert layer.var_scope is None
    outputs = [layer(1.0), layer(2.0), other(5.0)]
    assert [v.name for v in ps.global_variables()] == ["layer/w:0", "layer_1/w:0"]
    assert [v.name for v in layer.trainable_variables] == ["layer/w:0"]
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        assert session.run(outputs) == [3.0, 6.0, 5.0]


def test_scopes_made_at_once_and_by_name() -> None:
    early = ps.make_template("early", scaled, create_scope_now_=True)
    with ps.variable_scope("outer"):
        early(1.0)
        ps.make_template("x", scaled, unique_name_="exact")(1.0)
    names = [v.name for v in ps.global_variables()]
    assert names == ["early/w:0", "outer/exact/w:0"]
    with pytest.raises(ValueError, match="name"):
        ps.make_template("", scaled)


def test_later_calls_make_no_variables() -> None:
    calls = []

    def greedy() -> None:
        calls.append(1)
        ps.get_variable(f"v{len(calls)}", [])

    template = ps.make_template("greedy", greedy)
    template()
    with pytest.raises(ValueError, match="v2"):
        template()
