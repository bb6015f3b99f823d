"""What several packages need: grid results, metrics, a KMeansModel from centres, persistence, parallel jobs."""
