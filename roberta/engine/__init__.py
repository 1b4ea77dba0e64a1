"""The engine: records in, answers out, in order, in full batches, in constant memory."""
