"""What the edge keeps in the schema `web`: the only SQL outside the books and the views."""
