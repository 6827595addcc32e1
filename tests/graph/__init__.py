"""Tests of penstock.graph."""
