"""The ops: one section each, in the file of its family."""
