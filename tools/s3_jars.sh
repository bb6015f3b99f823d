#!/usr/bin/env bash
# Copies what Spark needs for s3a: into the jars folder of Spark in .venv: Hadoop's connector, and of Amazon's SDK the
# modules that it uses (13 MB instead of the bundle's 686 MB). Spark's own resolver downloads them, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The version that hadoop-aws names in its own dependencies.
sdk=2.35.4
log=.venv/s3_jars.log
ivy=$PWD/.venv/ivy-s3

spark_home=$(.venv/bin/python -c 'from importlib.util import find_spec; print(find_spec("pyspark").submodule_search_locations[0])')
hadoop=$(basename "$spark_home"/jars/hadoop-client-api-*.jar .jar)
hadoop=${hadoop#hadoop-client-api-}

# Prints names with commas in between.
joined() {
  # shellcheck disable=SC2048,SC2086  # split into words
  echo $* | tr ' ' ','
}

# The dependencies to leave out: the bundle, and what Spark has.
excludes=$(joined software.amazon.awssdk:bundle 'io.netty:*' 'org.slf4j:*' 'commons-logging:*' 'commons-codec:*' \
  'org.apache.httpcomponents:*' 'org.wildfly.openssl:*' 'org.apache.hadoop:hadoop-common' 'ch.qos.reload4j:*')
modules=""
for module in s3 s3-transfer-manager apache-client netty-nio-client sts; do
  modules=$modules,software.amazon.awssdk:$module:$sdk
done

if compgen -G "$spark_home/jars/org.apache.hadoop_hadoop-aws-$hadoop.jar" >/dev/null; then exit 0; fi

JAVA_HOME=$(tools/java.sh)
export JAVA_HOME
echo "fetching hadoop-aws $hadoop and Amazon's SDK $sdk (once, 13 MB)"
echo "pass" >.venv/nothing.py # spark-submit resolves packages only when it runs a job
if ! SPARK_HOME=$spark_home SPARK_CONF_DIR=$PWD/.venv PYSPARK_PYTHON=$PWD/.venv/bin/python \
  PYSPARK_DRIVER_PYTHON=$PWD/.venv/bin/python "$spark_home/bin/spark-submit" --master 'local[1]' \
  --packages "org.apache.hadoop:hadoop-aws:$hadoop$modules" --conf "spark.jars.excludes=$excludes" \
  --conf "spark.jars.ivy=$ivy" .venv/nothing.py >"$log" 2>&1; then
  {
    echo "error: Spark's resolver could not fetch hadoop-aws $hadoop. The last lines of $PWD/$log:"
    grep -v -E '^[[:space:]]*(at .*)?$' "$log" | tail -n 12 | sed 's/^/  /'
  } >&2
  exit 1
fi
# hadoop-aws last: it marks a complete set
for jar in "$ivy"/jars/software.amazon* "$ivy"/jars/org.reactivestreams* "$ivy"/jars/*; do
  [ -e "$spark_home/jars/$(basename "$jar")" ] || cp "$jar" "$spark_home/jars/"
done
