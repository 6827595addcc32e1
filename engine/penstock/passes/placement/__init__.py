"""Where each node runs: device table, groups that must stay together, strategies, reasons."""
