"""What is asked of the views. Every question that depends on the time is asked with an instant."""
