"""Tests of the proof's own tools: the second checker, and how a proof is kept."""
