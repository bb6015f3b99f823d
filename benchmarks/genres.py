"""Measure the agreement of clusters with published genres, as normalised mutual information (NMI).

    python benchmarks/genres.py [--files spotify_songs.csv:6 tracks_114k.csv:30] [--recipes classic sound era guided]

A recipe is a named set of segue's settings. Each file is clustered by every recipe, for k = 2 to 20 and for the k after
the file's name. Prints one JSON line for each file and recipe: the NMI for the k after the name (``nmi``), and for the
k that segue chooses (``chosen_nmi``).

The recipe ``guided`` is supervised by genre. So its agreement is measured by two-fold cross-validation; the two halves
of the tracks share no artist.
"""

import argparse
from pathlib import Path

import common
from common import DATA, JsonLines, progress
from pyspark.sql import SparkSession

import segue
from segue.core.spark_helpers import persisted
from segue.settings import load

RECIPES = ("classic", "sound", "era", "guided")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = common.argument_parser(__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the published files")
    parser.add_argument(
        "--files",
        nargs="+",
        metavar="NAME:K",
        default=["spotify_songs.csv:6", "tracks_114k.csv:30", "spotify_2000.csv:15"],
        help="files in this folder, each with a number of clusters",
    )
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)
    return parser.parse_args(argv)


def run(spark: SparkSession, args: argparse.Namespace) -> None:
    """Cluster every file by every recipe, and write the agreement with genres."""
    lines, run_info = JsonLines(args.out), common.machine_info()
    for file in args.files:
        name, _, k = file.rpartition(":")
        tracks, _ = segue.read_tracks(spark, str(args.data / name))
        with persisted(tracks) as tracks:
            for recipe in args.recipes:
                progress(f"{name}, {recipe}")
                given = segue.recipe(recipe)
                ks = sorted({*load(overrides=given).clustering.ks, int(k)})
                clusters = segue.fit_clusters(tracks, ks, settings=given)
                scores = clusters.scores[clusters.scores.space == clusters.card.space].set_index("k").genre_nmi
                result = {"tracks": clusters.card.n_tracks, "coordinates": len(clusters.card.centres_scaled[0])}
                result |= {"k": int(k), "nmi": round(scores[int(k)], 4)}
                result |= {"chosen_k": clusters.k, "chosen_nmi": round(scores[clusters.k], 4)}
                supervised = clusters.card.discriminants is not None
                lines.write(benchmark="genres", file=name, recipe=recipe, supervised=supervised, **result, run=run_info)


def main() -> None:
    """Run the benchmark from the command line."""
    args = parse_args()
    spark = common.start_session("genres", args.driver_memory)
    run(spark, args)
    spark.stop()


if __name__ == "__main__":
    main()
