"""Mixtures of corners: drawn, judged, searched for the worst."""
