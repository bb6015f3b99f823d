#!/usr/bin/env bash
# Copies Delta's jars, which its pip package lacks, into the jars folder of Spark in .venv, so that Spark needs neither
# an option nor the network for Delta. Spark's own resolver downloads them, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/maven_jars.sh

needed="delta-spark delta-storage delta-kernel-api delta-kernel-defaults delta-kernel-unitycatalog"

pinned() { sed -n "s/^$1==//p" constraints.txt; }

delta=$(pinned delta-spark)
spark_line=$(pinned pyspark | cut -d. -f1,2)
# Spark 4 supports Scala 2.13 only.
suffix="_${spark_line}_2.13"

spark_home=$(spark_in_venv)

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

# Prints the dependencies to leave out: those that Spark's jars folder has, mostly in another version, and the client of
# Unity Catalog, which segue does not use.
excludes() {
  local list="
    org.apache.hadoop:hadoop-client-api org.apache.hadoop:hadoop-client-runtime
    org.apache.parquet:parquet-hadoop org.apache.parquet:parquet-column
    com.fasterxml.jackson.core:jackson-databind com.fasterxml.jackson.datatype:jackson-datatype-jdk8
    org.roaringbitmap:RoaringBitmap org.locationtech.jts:jts-core
    org.slf4j:slf4j-api org.apache.logging.log4j:log4j-slf4j2-impl
    com.github.luben:zstd-jni io.airlift:aircompressor org.xerial.snappy:snappy-java
    io.unitycatalog:unitycatalog-client io.unitycatalog:unitycatalog-hadoop"
  joined "$list"
}

resolve() {
  fetch_jars delta "io.delta:delta-spark$suffix:$delta" "$(excludes)" && has_all_jars .venv/delta/jars
}

if has_all_jars "$spark_home/jars"; then exit 0; fi

echo "fetching Delta $delta for Spark $spark_line (once, 13 MB)"
if ! resolve; then
  echo "the download failed; trying once more"
  if ! resolve; then
    report_failed_download delta "Delta $delta (io.delta:delta-spark$suffix:$delta)"
    exit 1
  fi
fi

# Two versions of Delta on one class path fail with errors that do not name the cause.
rm -f "$spark_home"/jars/io.delta_*
for module in $needed; do
  jar=$(jar_name "$module")
  cp ".venv/delta/jars/$jar" "$spark_home/jars/$jar.part"
  mv "$spark_home/jars/$jar.part" "$spark_home/jars/$jar"
done
