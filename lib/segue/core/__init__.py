"""What several packages share: grid results, metrics, KMeansModel from centres, Spark helpers, digests, versions."""
