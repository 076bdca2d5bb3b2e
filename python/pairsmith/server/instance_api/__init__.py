"""The Instance API: signed protobuf requests on ``POST /``, one operation each.

What it brings to the path of a request (``server/path``) is gathered in ``api``:
``envelope`` parses the headers, ``signature`` says what must have been signed,
``operations`` parses the message and does the work, ``failures`` puts whatever went
wrong into the documented words.
"""
