"""The command line: each command parses its options and calls one Instance operation.

Modules here import click and nothing slower at their top; SQLAlchemy, rich and the Rust
core come in when a command runs, so that ``pairsmith --help`` answers at once.
"""

from pairsmith.cli.application import application as main

__all__ = ["main"]
