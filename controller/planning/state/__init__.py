"""What is remembered from run to run: before the first write, and after the last."""
