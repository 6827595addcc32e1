"""penstock: a dataflow graph execution engine with TensorFlow 1's programming interface.

Build a graph, then run it:

>>> import penstock as ps
>>> x = ps.placeholder(ps.float32, [None])
>>> y = ps.reduce_sum(x * 2.0)
>>> with ps.Session() as sess:
...     print(sess.run(y, {x: [1.0, 2.0]}))
6.0

This module imports the families of ops by name, then installs every name that `@export`
recorded; `__init__.pyi` lists them for editors.
"""

import sys as _sys
from importlib import import_module as _import_module
from typing import Any as _Any

from penstock import dtypes as _dtypes
from penstock import errors as errors
from penstock import exports as _exports
from penstock import kernels as _kernels
from penstock import layers as _layers
from penstock import losses as _losses
from penstock import metrics as _metrics
from penstock import nn as _nn
from penstock import protos as protos
from penstock import summary as _summary
from penstock import text as _text
from penstock import train as _train
from penstock import variables as _variables
from penstock.autodiff import checkpointed as _checkpointed
from penstock.autodiff import custom as _custom
from penstock.autodiff import gradients as _gradients
from penstock.dtypes import DType as DType
from penstock.dtypes import as_dtype as as_dtype
from penstock.errors import OpError as OpError
from penstock.graph import viewer as _viewer
from penstock.graph.tensor import Operation as Operation
from penstock.graph.tensor import Tensor as Tensor
from penstock.ops import families as _families
from penstock.ops import wrappers as _wrappers
from penstock.runtime import prediction as _prediction
from penstock.runtime import session as _session
from penstock.shapes import Dimension as Dimension
from penstock.shapes import TensorShape as TensorShape
from penstock.shapes import unknown_shape as unknown_shape

# Imported for what they export.
_PARTS = (
    _checkpointed,
    _custom,
    _families,
    _gradients,
    _layers,
    _losses,
    _metrics,
    _nn,
    _prediction,
    _session,
    _summary,
    _text,
    _train,
    _variables,
)

for _dtype in _dtypes.ALL:
    globals()[_dtype.name] = _dtype
half, double = _dtypes.float16, _dtypes.float64

_kernels.load()

raw_ops = _wrappers.raw
_wrappers.export_wrappers()
_exports.install(_sys.modules[__name__])
_viewer.register(lambda: _import_module("penstock.view"))

__version__ = "0.1.0"

_MESSAGES = {
    "AttrValue",
    "ConfigProto",
    "Event",
    "GPUOptions",
    "GraphDef",
    "GraphOptions",
    "HistogramProto",
    "MetaGraphDef",
    "NameAttrList",
    "NodeDef",
    "OptimizerOptions",
    "RunMetadata",
    "RunOptions",
    "Summary",
    "TensorProto",
}


# What few programs need, by the file that exports it.
_LATE = {
    "app": "app",
    "flags": "app",
    "logging": "logger",
    "plan_pareto": "runtime.pareto",
    "test": "testing",
    "timeline": "timeline",
}


def __getattr__(name: str) -> _Any:
    """Return what is loaded when it is first asked for: late names, wire messages."""
    if name in _LATE:
        _import_module(f"penstock.{_LATE[name]}")
        _exports.install(_sys.modules[__name__])
        return globals()[name]
    if name in _MESSAGES:
        return getattr(protos, name)
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")
