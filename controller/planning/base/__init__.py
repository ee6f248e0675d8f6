"""What every room of planning stands on: the desired state, the inputs, rules of group mapping, windows,
digests."""
