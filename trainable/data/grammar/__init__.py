"""The embedded corpus: seeded German and English sentences of one small grammar."""
