"""The fairseq model `reservoir_transformer`; fairseq imports this folder by `--user-dir`."""
