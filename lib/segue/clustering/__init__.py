"""Every k fitted and scored, one chosen, made a model, and told in words."""
