"""The programs as eager PyTorch."""
