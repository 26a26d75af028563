"""Disk, memory and time that a study takes."""
