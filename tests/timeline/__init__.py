"""Tests of penstock.timeline."""
