"""Training: from raw text to a vocabulary, a language model, or a fine-tuned head, resumable to the bit."""
