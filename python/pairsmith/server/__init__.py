"""The server: the Instance API and the KMS OpenAPI over HTTP."""
