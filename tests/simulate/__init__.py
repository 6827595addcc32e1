"""Tests of penstock.simulate."""
