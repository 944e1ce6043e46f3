"""What comes in from and goes out to other people: the form for a new study, exports, changes since a version."""
