"""From a corpus to a prepared folder: text, tokens, BPE, fairseq's binarised files."""
