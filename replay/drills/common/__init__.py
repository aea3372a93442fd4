"""What the drills share."""
