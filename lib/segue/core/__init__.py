"""Code that several packages share: grid results, metrics, KMeansModel from centres, Spark helpers, text, versions."""
