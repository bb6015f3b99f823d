"""Fit K-means for every k in a feature space, choose one k, describe the model, label tracks and profile clusters."""
