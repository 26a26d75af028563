"""Many trials: study, searcher, scheduler, tracking, export and the command line."""
