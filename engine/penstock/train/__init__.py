"""Training: optimizers, their slots, the global step, learning-rate schedules."""

from penstock.train import averages, global_step, optimizer, optimizers, schedules

__all__ = ["averages", "global_step", "optimizer", "optimizers", "schedules"]
