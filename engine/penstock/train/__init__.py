"""Training: optimizers, their slots, the global step, learning-rate schedules."""

from penstock.train import averages, device_setter, global_step, optimizer, optimizers, schedules

__all__ = ["averages", "device_setter", "global_step", "optimizer", "optimizers", "schedules"]
