"""Learn from files: a vocabulary, a language model, a head.

Every command takes the result with -m.
"""
