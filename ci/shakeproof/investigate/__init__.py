"""From runs to findings: `classify` judges, `follow_up` plans what would settle it, `confirm` shows it again."""
