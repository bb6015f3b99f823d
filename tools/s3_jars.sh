#!/usr/bin/env bash
# Copies the jars that Spark needs for s3a:// paths into the jars folder of Spark in .venv: Hadoop's connector
# hadoop-aws, and the modules of Amazon's SDK that it uses (13 MB; Amazon's bundle of all modules has 686 MB). Spark's
# own resolver downloads them, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/maven_jars.sh

# The version of the SDK that hadoop-aws depends on.
sdk=2.35.4
spark_home=$(spark_in_venv)
hadoop=$(hadoop_version)

# The dependencies to leave out: Amazon's bundle, and what Spark's jars folder has.
excludes=$(joined software.amazon.awssdk:bundle 'io.netty:*' 'org.slf4j:*' 'commons-logging:*' 'commons-codec:*' \
  'org.apache.httpcomponents:*' 'org.wildfly.openssl:*' 'org.apache.hadoop:hadoop-common' 'ch.qos.reload4j:*')
modules=""
for module in s3 s3-transfer-manager apache-client netty-nio-client sts; do
  modules=$modules,software.amazon.awssdk:$module:$sdk
done

if compgen -G "$spark_home/jars/org.apache.hadoop_hadoop-aws-$hadoop.jar" >/dev/null; then exit 0; fi

echo "fetching hadoop-aws $hadoop and Amazon's SDK $sdk (once, 13 MB)"
if ! fetch_jars s3 "org.apache.hadoop:hadoop-aws:$hadoop$modules" "$excludes"; then
  report_failed_download s3 "hadoop-aws $hadoop"
  exit 1
fi
# hadoop-aws is copied last: if it is there, all jars are
for jar in .venv/s3/jars/software.amazon* .venv/s3/jars/org.reactivestreams* .venv/s3/jars/*; do
  [ -e "$spark_home/jars/$(basename "$jar")" ] || cp "$jar" "$spark_home/jars/"
done
