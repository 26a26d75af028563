"""Figures of the page for papers, drawn by matplotlib."""
