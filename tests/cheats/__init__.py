"""Editors that cheat, and honest ones, through the real program: what gets through?"""
