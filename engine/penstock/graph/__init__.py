"""The graph a user builds, and the IR that passes rewrite."""
