"""``python -m pairsmith.cli``: the command line."""

from pairsmith.cli import main

main()
