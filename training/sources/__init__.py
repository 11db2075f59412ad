"""What training learns from: package lists, sources, licences; `evaluation.packages` does the downloading."""
