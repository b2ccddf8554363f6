"""Where a command's Python programs spend their time: `… -m autoopt.instruments.profile`."""
