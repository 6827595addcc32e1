"""The optimizers: one file for each rule."""

from penstock.train.optimizers import (
    adadelta,
    adagrad,
    adagrad_da,
    adam,
    ftrl,
    gradient_descent,
    momentum,
    proximal,
    rmsprop,
)

__all__ = [
    "adadelta",
    "adagrad",
    "adagrad_da",
    "adam",
    "ftrl",
    "gradient_descent",
    "momentum",
    "proximal",
    "rmsprop",
]
