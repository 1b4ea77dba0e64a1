"""Many vectors in a file: written as they come, searched without loading them all."""
