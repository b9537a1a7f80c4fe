"""The part of `doctor` that is about AWS: looking (what is asked for, and what is there), then checks."""
