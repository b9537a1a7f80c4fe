"""The real workflows, run by `act` against the double of GitHub: see `scene.py`."""
