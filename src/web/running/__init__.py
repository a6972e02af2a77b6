"""The processes of a site: how they start, follow, keep watch and stop."""
