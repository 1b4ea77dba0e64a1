"""From one format of checkpoints to another: what becomes what, written as a whole folder, proven by equal outputs."""
