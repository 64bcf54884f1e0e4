"""Hidden behaviours: what a red team plants, how often it shows, and what a blue team may know."""
