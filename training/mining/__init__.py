"""From sources to functions and what is said about them."""
