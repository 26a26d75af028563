"""Number of BPE merges: the default of each corpus, and the most that can be asked for."""

MAX_MERGES = 1_000_000

BPE_MERGES = {
    "grammar": 800,
    "multi30k": 6_000,
    "tatoeba": 8_000,
    "iwslt14": 10_000,
    "iwslt": 10_000,
    "text": 8_000,
    "classify": 4_000,
    "summarise": 4_000,
}
