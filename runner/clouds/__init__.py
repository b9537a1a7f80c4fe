"""Where machines come from, behind the port `Cloud`."""
