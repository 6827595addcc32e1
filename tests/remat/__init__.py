"""Tests of planning: problems, schedules, strategies."""
