"""Pairsmith."""
