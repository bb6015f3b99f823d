"""Fit every k in a feature space, choose one, save it as a model, label tracks and describe clusters."""
