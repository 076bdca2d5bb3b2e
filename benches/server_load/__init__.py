"""How much the server serves, and what ten thousand connections cost it."""
