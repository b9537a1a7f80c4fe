"""What a machine in the cloud is given: the program, the checkout, an order. Built here, kept by content."""
