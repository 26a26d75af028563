"""One study: its settings, its folder, its trials' records, and where its checkpoints go."""
