"""Coding agents: any command that takes a prompt, edits files and answers."""
