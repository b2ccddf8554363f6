"""What people see: the live region, plain lines, tables and the Markdown report."""
