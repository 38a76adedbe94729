"""instream."""
