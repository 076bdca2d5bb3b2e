"""The KMS OpenAPI, version 2016-01-20: signed requests with JSON answers on ``/``.

A request goes top to bottom: ``endpoint`` has it read by ``request``, its signature by
``signature``, and admitted by ``admission``; ``actions`` names what does the work, each
with a table of parameters; ``failures`` puts whatever went wrong into documented words.
"""
