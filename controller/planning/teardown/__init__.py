"""What is undone when an integration is deleted, and what was set up before."""
