"""Detect in images, videos and cameras, or on a web page, with a trained detector."""
