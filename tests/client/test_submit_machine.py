"""Invented histories of a submitter and its nodes."""

from __future__ import annotations

from hypothesis import settings

from tests.client.submit_machine import Submitting

TestSubmitting = Submitting.TestCase
TestSubmitting.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
