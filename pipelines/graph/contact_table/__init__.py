"""contact_table."""
