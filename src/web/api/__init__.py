"""The thin API: each endpoint parses, asks the books or a view, and answers."""
