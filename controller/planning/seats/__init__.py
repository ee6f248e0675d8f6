"""Who gets a seat, through which group, who is inactive, and when seats run out."""
