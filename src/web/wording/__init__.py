"""What a person reads: languages, words, prices and sentences."""
