"""The path of a request, the same for every API that the server speaks.

``hallway`` walks it from top to bottom:

1. ``bodies``: the body is read, within bounds of size, time and memory.
2. The API reads its envelope: form and date (``api``).
3. ``decision``: who has sent it, by the identities of one moment.
4. The API parses the operation and its parameters: a ``call``.
5. ``decision``: each key that it names is looked at, once and at that same moment, and
   may be used by whoever asks. The work is done with what was looked at.
6. ``turns``, ``workplaces``: whose turn it is; what is brief is done at once, the rest
   in threads.
7. ``exchange``: what it was is written to the audit log, before it is answered.
8. ``answer``: it is answered.

What takes no look into the database is done where the request is. If it takes one,
steps 3 to 6 are done in a thread: the same steps, in the same order.
"""
