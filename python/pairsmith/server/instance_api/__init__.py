"""The Instance API: signed protobuf requests on ``POST /``, one operation each.

A request goes top to bottom: ``endpoint`` reads it, ``envelope`` parses its headers,
``signature`` verifies who sent it, ``operations`` parses the message and does the work,
``failures`` puts whatever went wrong into the documented words.
"""
