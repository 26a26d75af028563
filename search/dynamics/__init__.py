"""What ``reservoir-search dynamics`` measures and shows."""
