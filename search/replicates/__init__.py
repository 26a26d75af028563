"""Given layouts, each trained with several seeds: the engine of confirm and reproduce."""
