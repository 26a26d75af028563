"""What a study takes of disk, memory and time."""
