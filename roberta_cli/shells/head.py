"""What every completion file begins with."""

HEAD = "# Completions of roberta for {shell}; made by `roberta completions {shell}`, so changes here are lost."
