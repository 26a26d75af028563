"""Preparation of a corpus: text, tokens, BPE, fairseq's binarised files."""
