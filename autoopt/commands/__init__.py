"""The subcommands: thin modules, each with `main(words, environ) -> exit code`, calling what lies below."""
