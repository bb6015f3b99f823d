#!/usr/bin/env bash
# Puts Delta's jars, which pip does not bring, into the jars folder of the .venv's Spark. Every Spark of this .venv
# then has Delta with no option and no network. Resolved once, by Spark's own resolver.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

needed="delta-spark delta-storage delta-kernel-api delta-kernel-defaults delta-kernel-unitycatalog"
log=.venv/delta_jars.log
ivy=$PWD/.venv/ivy

pinned() { sed -n "s/^$1==//p" constraints.txt; }

delta=$(pinned delta-spark)
spark_line=$(pinned pyspark | cut -d. -f1,2)
# Spark 4 is built for Scala 2.13 alone.
suffix="_${spark_line}_2.13"

spark_home=$(.venv/bin/python -c 'from importlib.util import find_spec; print(find_spec("pyspark").submodule_search_locations[0])')

# The file that the resolver makes of a module: only delta-spark is named after the Spark and Scala it is for.
jar_name() {
  case $1 in
    delta-spark) echo "io.delta_$1$suffix-$delta.jar" ;;
    *) echo "io.delta_$1-$delta.jar" ;;
  esac
}

all_there() {
  local module
  for module in $needed; do
    [ -s "$1/$(jar_name "$module")" ] || return 1
  done
}

# What Delta asks for and Spark has already, mostly in another version; and Unity Catalog's client, which is unused.
excludes() {
  local list="
    org.apache.hadoop:hadoop-client-api org.apache.hadoop:hadoop-client-runtime
    org.apache.parquet:parquet-hadoop org.apache.parquet:parquet-column
    com.fasterxml.jackson.core:jackson-databind com.fasterxml.jackson.datatype:jackson-datatype-jdk8
    org.roaringbitmap:RoaringBitmap org.locationtech.jts:jts-core
    org.slf4j:slf4j-api org.apache.logging.log4j:log4j-slf4j2-impl
    com.github.luben:zstd-jni io.airlift:aircompressor org.xerial.snappy:snappy-java
    io.unitycatalog:unitycatalog-client io.unitycatalog:unitycatalog-hadoop"
  # shellcheck disable=SC2086  # split at blanks and line ends
  echo $list | tr ' ' ','
}

resolve() {
  local nothing=.venv/nothing.py
  echo "pass" >"$nothing" # spark-submit resolves only for the sake of some job
  # An operator's own defaults could name a master or packages that are not to be had here.
  SPARK_HOME=$spark_home SPARK_CONF_DIR=$PWD/.venv PYSPARK_PYTHON=$PWD/.venv/bin/python \
    PYSPARK_DRIVER_PYTHON=$PWD/.venv/bin/python \
    "$spark_home/bin/spark-submit" --master 'local[1]' --packages "io.delta:delta-spark$suffix:$delta" \
    --conf "spark.jars.excludes=$(excludes)" --conf "spark.jars.ivy=$ivy" "$nothing" >"$log" 2>&1
}

if all_there "$spark_home/jars"; then exit 0; fi

JAVA_HOME=$(tools/java.sh)
export JAVA_HOME
echo "fetching Delta $delta for Spark $spark_line (once, 13 MB)"
if ! { resolve && all_there "$ivy/jars"; }; then
  echo "the first try failed, once more"
  if ! { resolve && all_there "$ivy/jars"; }; then
    {
      echo "error: Spark's resolver could not fetch Delta $delta (io.delta:delta-spark$suffix:$delta)."
      echo "Its last lines, of $PWD/$log:"
      grep -v -E '^[[:space:]]*(at .*)?$' "$log" | tail -n 12 | sed 's/^/  /'
      echo "Set-up needs the network once. Behind a mirror, set DEFAULT_ARTIFACT_REPOSITORY to its address; behind a"
      echo "proxy, JAVA_TOOL_OPTIONS to '-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT'. Then: make setup"
    } >&2
    exit 1
  fi
fi

# Two versions of Delta on one class path break in ways that do not name the cause.
rm -f "$spark_home"/jars/io.delta_*
for module in $needed; do
  jar=$(jar_name "$module")
  cp "$ivy/jars/$jar" "$spark_home/jars/$jar.part"
  mv "$spark_home/jars/$jar.part" "$spark_home/jars/$jar"
done
