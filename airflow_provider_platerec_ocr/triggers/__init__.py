"""Triggers; only free calls happen in them."""
