"""Metrics: values over all batches so far, kept in local variables.

Each returns (value, update): running `update` takes a batch in and gives the new value,
`value` gives the last one. `local_variables_initializer` starts over.
"""

from penstock.metrics import counts, means

__all__ = ["counts", "means"]
