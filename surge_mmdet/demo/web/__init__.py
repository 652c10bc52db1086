"""A web page that shows float, simulated and packed detections side by side."""
