"""The schema's history, as Alembic revisions; ``migrate.py`` runs them."""
