"""``python -m pairsmith``: the command line."""

from pairsmith.cli import main

main()
