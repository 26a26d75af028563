"""What can be searched: layouts, their parameters by arithmetic, and spaces of them."""
