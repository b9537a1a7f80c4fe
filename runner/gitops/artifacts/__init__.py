"""What earlier workflow runs kept: fetched, and unpacked as if strangers had packed it."""
