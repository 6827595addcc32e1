"""Tests of penstock.ops."""
