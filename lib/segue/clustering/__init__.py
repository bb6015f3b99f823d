"""Fit K-means for every k in a feature space, choose one, describe it as a model, label tracks and profile clusters."""
