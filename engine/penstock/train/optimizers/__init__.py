"""The optimizers: one file for each rule."""

from penstock.train.optimizers import (
    adadelta,
    adagrad,
    adam,
    ftrl,
    gradient_descent,
    momentum,
    rmsprop,
)

__all__ = ["adadelta", "adagrad", "adam", "ftrl", "gradient_descent", "momentum", "rmsprop"]
