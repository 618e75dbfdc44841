"""case_network."""
