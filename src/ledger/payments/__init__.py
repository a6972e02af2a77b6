"""What we need of a payment company, and who provides it."""
