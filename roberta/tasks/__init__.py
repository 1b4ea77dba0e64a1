"""The tasks: each turns a record into windows and numbers into an answer. `roberta.engine.open_task` names them."""
