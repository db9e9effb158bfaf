"""Operators: those who carry instructions out."""
