"""One file per subcommand: it reads its options and calls one function elsewhere."""
