"""The page's figures for papers, drawn by matplotlib."""
