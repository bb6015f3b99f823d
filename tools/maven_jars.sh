# Functions for the scripts that download jars: they source this file. Spark's own resolver (spark-submit --packages)
# downloads the jars, so a mirror or proxy that is configured for Spark is used.

# Prints the folder of Spark in .venv: that of the package pyspark.
spark_in_venv() {
  .venv/bin/python -c 'from importlib.util import find_spec; print(find_spec("pyspark").submodule_search_locations[0])'
}

# Prints the version of Hadoop's client in the jars folder of Spark in .venv.
hadoop_version() {
  basename "$(spark_in_venv)"/jars/hadoop-client-api-*.jar .jar | sed 's/^hadoop-client-api-//'
}

# Prints the words of its arguments, joined by commas.
joined() {
  # shellcheck disable=SC2048,SC2086  # split into words
  echo $* | tr ' ' ','
}

# Downloads Maven artifacts with their dependencies into .venv/NAME/jars; the output goes to .venv/NAME.log.
# Usage: fetch_jars NAME PACKAGES EXCLUDES, the last two as words joined by commas.
fetch_jars() {
  local spark_home job=.venv/nothing.py java_home
  spark_home=$(spark_in_venv)
  java_home=$(tools/java.sh)
  echo "pass" >"$job" # spark-submit resolves packages only when it runs a job
  # SPARK_CONF_DIR is a folder without spark-defaults.conf: the user's own could name another master or other packages.
  JAVA_HOME=$java_home SPARK_HOME=$spark_home SPARK_CONF_DIR=$PWD/.venv PYSPARK_PYTHON=$PWD/.venv/bin/python \
    PYSPARK_DRIVER_PYTHON=$PWD/.venv/bin/python SPARK_LOCAL_HOSTNAME=localhost \
    "$spark_home/bin/spark-submit" --master 'local[1]' --packages "$2" --conf "spark.jars.excludes=$3" \
    --conf "spark.jars.ivy=$PWD/.venv/$1" "$job" >".venv/$1.log" 2>&1
}

# Explains a failed download of fetch_jars. Usage: report_failed_download NAME WHAT
report_failed_download() {
  {
    echo "error: Spark's resolver could not fetch $2. The last lines of $PWD/.venv/$1.log:"
    grep -v -E '^[[:space:]]*(at .*)?$' ".venv/$1.log" | tail -n 12 | sed 's/^/  /'
    echo "The download needs the network once. With a mirror, set DEFAULT_ARTIFACT_REPOSITORY to its address; with a proxy,"
    echo "set JAVA_TOOL_OPTIONS to '-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT'. Then run the command again"
  } >&2
}
