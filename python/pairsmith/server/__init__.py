"""The server: an instance as a service that official clients can use unchanged."""
