"""Tests of penstock.autodiff."""
