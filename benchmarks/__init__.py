"""Programs timed on penstock and on its peers, side by side.

    python -m benchmarks                       everything, on every peer that is installed
    python -m benchmarks products/ training/mlp --peers tensorflow
    python -m benchmarks --report              docs/benchmarks.md again, from the figures on disk

`catalogue.py` says what is measured, `peers.py` on what; `graph_programs/`, `jax_programs/` and
`torch_programs/` hold the programs. `harness.py` takes turns between the processes (`child.py`),
`results.py` holds the figures and `report.py` writes the page.
"""
