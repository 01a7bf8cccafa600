"""Gates: judgements on what other tools measured, each pure with a thin command around it."""
