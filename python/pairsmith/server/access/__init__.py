"""Who may do what: clients, access keys, and policies."""
