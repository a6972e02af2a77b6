"""The people at the edge: accounts, staff, passwords, who asks and what they may."""
