#!/usr/bin/env bash
# Prints the class path of Hadoop's miniature cluster (NameNode, DataNode, ResourceManager and NodeManager in one JVM),
# which the tests of HDFS and YARN start.
#   tools/hadoop_jars.sh             searches .venv only
#   tools/hadoop_jars.sh --install   if it is not in .venv, downloads it (60 MB, once)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/maven_jars.sh

name=hadoop-minicluster
marker=.venv/$name/complete

if [ ! -e "$marker" ]; then
  if [ "${1:-}" != --install ]; then
    echo "no miniature Hadoop cluster in .venv; make stores fetches it" >&2
    exit 1
  fi
  hadoop=$(hadoop_version)
  echo "fetching hadoop-client-minicluster $hadoop (once, 60 MB)" >&2
  # hadoop-client-minicluster needs junit and bcpkix but does not declare them; what Spark's jars folder has is excluded
  packages=org.apache.hadoop:hadoop-client-minicluster:$hadoop,org.junit.jupiter:junit-jupiter-api:5.11.4
  packages=$packages,org.bouncycastle:bcpkix-jdk18on:1.78.1
  if ! fetch_jars $name "$packages" "$(joined org.apache.hadoop:hadoop-client-api org.apache.hadoop:hadoop-client-runtime \
    'org.slf4j:*' 'ch.qos.reload4j:*' 'log4j:*' 'commons-logging:*')"; then
    report_failed_download $name "hadoop-client-minicluster $hadoop"
    exit 1
  fi
  touch "$marker"
fi

spark_jars=$(spark_in_venv)/jars
for jar in "$PWD/.venv/$name"/jars/*.jar "$spark_jars"/hadoop-client-*.jar "$spark_jars"/slf4j-api-*.jar \
  "$spark_jars"/log4j-*.jar "$spark_jars"/jcl-over-slf4j-*.jar "$spark_jars"/py4j-*.jar "$spark_jars"/commons-lang3-*.jar; do
  printf '%s:' "$jar"
done
