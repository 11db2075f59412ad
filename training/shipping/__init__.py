"""What is checked and written when adapters are shipped."""
