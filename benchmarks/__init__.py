"""What the project's speed is, one command each: ``python -m benchmarks`` lists them."""
