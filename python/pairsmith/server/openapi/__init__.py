"""The KMS OpenAPI, version 2016-01-20: signed requests with JSON answers on ``/``.

What it brings to the path of a request (``server/path``) is gathered in ``api``:
``request`` takes it apart, ``signature`` says what must have been signed, ``actions``
names what does the work, each with a table of parameters; ``failures`` puts whatever
went wrong into documented words.
"""
