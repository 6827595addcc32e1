"""Layers: functions and objects that make variables and apply ops in one go."""

from penstock.layers import base, convolution, dense, dropout, flatten, normalization, pooling

__all__ = ["base", "convolution", "dense", "dropout", "flatten", "normalization", "pooling"]
