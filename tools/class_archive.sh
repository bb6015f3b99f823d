#!/usr/bin/env bash
# Makes build/classes.jsa (some 210 MB), an archive of the Java classes that a pipeline uses. spark-submit.sh uses it for
# jobs on this machine: Java then neither reads these classes from 300 jars nor verifies them. Does nothing if the
# archive was made with the same Java and jars. To make it, a pipeline runs on 500 synthetic tracks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/maven_jars.sh

archive=build/classes.jsa
log=build/class_archive.log
java_home=$(tools/java.sh)
made_from=$(printf '%s\n' "$PWD" "$java_home" && cat "$java_home/release" && ls -ln "$(spark_in_venv)/jars")
if [ -e "$archive" ] && [ "$(cat "$archive.made_from" 2>/dev/null)" = "$made_from" ]; then exit 0; fi

echo "archiving Java's classes, so that jobs on this machine start faster (once, a minute)"
mkdir -p build
folder=$(mktemp -d)
trap 'rm -rf "$folder" "$archive.part"' EXIT
rm -f "$archive"
make_archive() {
  ./spark-submit.sh jobs/make_sample.py --tracks 500 --to "$folder/sample.csv" || return
  SPARK_SUBMIT_OPTS="\"-XX:ArchiveClassesAtExit=$PWD/$archive.part\" -Xlog:cds*=off" \
    ./spark-submit.sh jobs/run_pipeline.py --input "$folder/sample.csv" --output "$folder/tables"
}
# Renamed when it is complete: Java crashes if an archive is truncated.
if make_archive >"$log" 2>&1 && [ -s "$archive.part" ]; then
  printf '%s\n' "$made_from" >"$archive.made_from"
  mv -f "$archive.part" "$archive"
else
  echo "warning: the archive could not be made, so jobs start as before; the reason is in $log" >&2
fi
