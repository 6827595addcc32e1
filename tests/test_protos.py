"""Message classes: what is loaded on demand is complete, and bytes survive what we do not know."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import protos


def names_shown_to_type_checkers() -> set[str]:
    tree = ast.parse(Path(protos.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {a.name for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names}


def test_names_on_demand_are_those_shown_to_type_checkers() -> None:
    assert set(protos._FILE_OF) == names_shown_to_type_checkers()


@pytest.mark.parametrize("name", sorted(protos._FILE_OF))
def test_name_on_demand_is_found(name: str) -> None:
    assert getattr(protos, name).DESCRIPTOR.full_name == f"penstock.{name}"


def test_unknown_message_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no message 'GraphDeff'"):
        _ = protos.GraphDeff


def test_sessions_and_events_are_not_loaded_at_once() -> None:
    code = "import sys, penstock.protos; print('penstock.protos.event_pb2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_fields_left_out_survive() -> None:
    debug_info = b"\x2a\x02\x08\x01"  # field 5 of GraphDef, which our file does not have
    graph = protos.GraphDef.FromString(debug_info)
    assert graph.SerializeToString() == debug_info


def test_repeated_scalars_are_written_as_expected() -> None:
    """Numbers in lists are packed, as proto3 does by default and TensorFlow's files ask."""
    value = protos.AttrValue(list=protos.AttrValue.ListValue(i=[1, 2]))
    assert value.SerializeToString() == b"\x0a\x04\x1a\x02\x01\x02"
