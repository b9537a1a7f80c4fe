"""Where runs are shown: GitHub, or files on this machine that hold the same."""
