"""Speed benchmarks, one command each: ``python -m benchmarks`` lists them."""
