"""The programs as functions compiled by JAX."""
