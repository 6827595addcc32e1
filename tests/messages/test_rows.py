"""The promise about bad input, by what is wrong, and the tests that keep it.

Numbers are those of the list of faults that the project answers for; those that concern files,
clusters and control flow come with these. A plain word is a message of this folder, `a::b` a test.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TESTS = FOLDER.parent
SESSION, FEEDS, FUZZ = "runtime/test_session.py", "runtime/test_feeds.py", "graph/test_fuzz.py"
SWEEP = ("ops/test_hostile_inputs.py::test_rows_with_one_input_changed",)

ROWS: dict[int, tuple[str, ...]] = {
    1: ("import_of_a_truncated_graph", f"{FUZZ}::test_cut_at_every_byte"),
    2: (
        *("import_of_random_bytes", "import_of_nested_functions"),
        *(f"{FUZZ}::test_random_bytes", f"{FUZZ}::test_deep_nesting"),
    ),
    3: ("import_of_a_duplicate_name", "import_of_a_duplicate_attribute"),
    4: (
        *("import_of_an_unknown_op", "import_of_an_unknown_attribute"),
        *("import_of_a_newer_graph", "unknown_op", "unknown_attribute"),
    ),
    5: ("import_of_a_missing_node", "import_of_a_missing_output"),
    6: ("import_of_a_cycle",),
    8: ("import_of_another_dtype", "dtypes_differ"),
    9: ("import_without_an_attribute", "missing_attribute"),
    10: (
        *("negative_dimension", "negative_dimension_in_a_run"),
        "import_of_a_negative_dimension",
    ),
    11: ("dimensions_beyond_int64", "dimensions_beyond_int64_in_the_graph"),
    12: ("too_much_memory", "tile_of_terabytes", "list_of_too_many_tensors"),
    13: ("argmax_of_nothing", "test_every_op.py::test_empty", *SWEEP),
    14: ("scalar_for_a_matrix", "scalar_for_a_matrix_in_a_run"),
    15: ("zero_stride", "zero_stride_of_a_slice", "zero_pool_size", "zero_filters"),
    16: ("conv_window_too_large", "conv_window_too_large_in_a_run"),
    17: (
        *("gather_out_of_range", "scatter_out_of_range"),
        *("scatter_into_a_variable_out_of_range", "labels_out_of_range"),
    ),
    18: (
        *("axis_out_of_range", "concat_axis_in_a_run", "concat_of_unequal_shapes"),
        *("bad_reshape", "bad_reshape_in_a_run", "bad_permutation"),
    ),
    19: ("integer_division_by_zero", "integer_modulo_by_zero", "integer_division_overflow"),
    20: (
        *("check_numerics", "ops/test_not_numbers.py::test_casts_to_integers"),
        "ops/test_not_numbers.py::test_places_of_extremes",
    ),
    21: (
        *("feed_of_a_wrong_shape", "feed_of_a_wrong_dtype", "feed_of_text"),
        *("feed_of_objects", "feed_of_objects_for_strings"),
    ),
    22: (f"{FEEDS}::test_every_layout_is_read_right",),
    23: ("dtype_not_allowed",),
    25: ("tensors_of_two_graphs", "fetch_of_another_graph"),
    26: ("uninitialised_variable", "variable_read_before_it_is_assigned_by_reference"),
    30: (f"{SESSION}::test_ctrl_c_ends_a_step_and_the_session_goes_on",),
    31: (f"{SESSION}::test_close_cancels_concurrent_runs", "closed_session"),
    32: (f"{SESSION}::test_the_graph_may_grow_while_others_run",),
    33: (f"{SESSION}::test_the_first_error_ends_the_other_branches",),
}


def test_every_row_is_here() -> None:
    assert sorted(ROWS) == [*range(1, 7), *range(8, 24), 25, 26, *range(30, 34)]
    assert all(ROWS.values())


@pytest.mark.parametrize("row", ROWS)
def test_the_tests_exist(row: int) -> None:
    for name in ROWS[row]:
        path, _, function = name.partition("::")
        if function:
            text = TESTS.joinpath(path).read_text(encoding="utf-8")
            assert re.search(rf"^def {function}\(", text, re.MULTILINE), name
        else:
            assert FOLDER.joinpath(f"{name}.txt").exists(), name
