#!/usr/bin/env bash
# Copies Delta's jars, which its pip package lacks, into the jars folder of Spark in .venv, so that Spark needs neither
# an option nor the network for Delta. Spark's own resolver downloads them, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

needed="delta-spark delta-storage delta-kernel-api delta-kernel-defaults delta-kernel-unitycatalog"
log=.venv/delta_jars.log
ivy=$PWD/.venv/ivy

pinned() { sed -n "s/^$1==//p" constraints.txt; }

delta=$(pinned delta-spark)
spark_line=$(pinned pyspark | cut -d. -f1,2)
# Spark 4 supports Scala 2.13 only.
suffix="_${spark_line}_2.13"

spark_home=$(.venv/bin/python -c 'from importlib.util import find_spec; print(find_spec("pyspark").submodule_search_locations[0])')

# Prints the file name of a module's jar: only that of delta-spark contains the Spark and Scala versions.
jar_name() {
  case $1 in
    delta-spark) echo "io.delta_$1$suffix-$delta.jar" ;;
    *) echo "io.delta_$1-$delta.jar" ;;
  esac
}

has_all_jars() {
  local module
  for module in $needed; do
    [ -s "$1/$(jar_name "$module")" ] || return 1
  done
}

# Prints the dependencies to leave out: those that Spark has, mostly in another version, and Unity Catalog's client,
# which segue does not use.
excludes() {
  local list="
    org.apache.hadoop:hadoop-client-api org.apache.hadoop:hadoop-client-runtime
    org.apache.parquet:parquet-hadoop org.apache.parquet:parquet-column
    com.fasterxml.jackson.core:jackson-databind com.fasterxml.jackson.datatype:jackson-datatype-jdk8
    org.roaringbitmap:RoaringBitmap org.locationtech.jts:jts-core
    org.slf4j:slf4j-api org.apache.logging.log4j:log4j-slf4j2-impl
    com.github.luben:zstd-jni io.airlift:aircompressor org.xerial.snappy:snappy-java
    io.unitycatalog:unitycatalog-client io.unitycatalog:unitycatalog-hadoop"
  # shellcheck disable=SC2086  # split into words
  echo $list | tr ' ' ','
}

resolve() {
  local job=.venv/nothing.py
  echo "pass" >"$job" # spark-submit resolves packages only when it runs a job
  # Without the operator's spark-defaults.conf, which could name another master or unavailable packages.
  SPARK_HOME=$spark_home SPARK_CONF_DIR=$PWD/.venv PYSPARK_PYTHON=$PWD/.venv/bin/python \
    PYSPARK_DRIVER_PYTHON=$PWD/.venv/bin/python \
    "$spark_home/bin/spark-submit" --master 'local[1]' --packages "io.delta:delta-spark$suffix:$delta" \
    --conf "spark.jars.excludes=$(excludes)" --conf "spark.jars.ivy=$ivy" "$job" >"$log" 2>&1
}

if has_all_jars "$spark_home/jars"; then exit 0; fi

JAVA_HOME=$(tools/java.sh)
export JAVA_HOME
echo "fetching Delta $delta for Spark $spark_line (once, 13 MB)"
if ! { resolve && has_all_jars "$ivy/jars"; }; then
  echo "the download failed; trying once more"
  if ! { resolve && has_all_jars "$ivy/jars"; }; then
    {
      echo "error: Spark's resolver could not fetch Delta $delta (io.delta:delta-spark$suffix:$delta)."
      echo "The last lines of $PWD/$log:"
      grep -v -E '^[[:space:]]*(at .*)?$' "$log" | tail -n 12 | sed 's/^/  /'
      echo "Set-up needs the network once. With a mirror, set DEFAULT_ARTIFACT_REPOSITORY to its address; with a proxy,"
      echo "set JAVA_TOOL_OPTIONS to '-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT'. Then type make setup"
    } >&2
    exit 1
  fi
fi

# Two versions of Delta on one class path fail with errors that do not name the cause.
rm -f "$spark_home"/jars/io.delta_*
for module in $needed; do
  jar=$(jar_name "$module")
  cp "$ivy/jars/$jar" "$spark_home/jars/$jar.part"
  mv "$spark_home/jars/$jar.part" "$spark_home/jars/$jar"
done
