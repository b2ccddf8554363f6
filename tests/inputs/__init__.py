"""What users type and write by mistake, through the real command line."""
