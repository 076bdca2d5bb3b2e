"""``pairsmith serve --dev``: an emulator for a laptop and for tests; never for secrets.

Nothing outside this package imports it but the command ``serve``: a server that was
started without ``--dev`` has none of this.
"""
