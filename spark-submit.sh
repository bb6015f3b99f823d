#!/usr/bin/env bash
# Runs one job with spark-submit, and ships lib/segue with it. Works from any folder. See usage below.
set -euo pipefail

usage() {
  cat >&2 <<'TEXT'
usage: spark-submit.sh [spark-submit options] jobs/JOB.py [job options]

Runs on local[*] unless --master names a cluster. --help without a job lists the options of spark-submit,
jobs/JOB.py --help lists those of a job. The Spark in SPARK_HOME runs the job, or if it is not set, the one in .venv.
TEXT
}

fail() {
  echo "error: $1" >&2
  exit 2
}

# Prints this file's folder, also if it is called through a symbolic link (not every system has readlink -f).
own_folder() {
  local path=$1 target
  while [ -L "$path" ]; do
    target=$(readlink "$path")
    case $target in
      /*) path=$target ;;
      *) path=$(dirname "$path")/$target ;;
    esac
  done
  (CDPATH="" cd -P "$(dirname "$path")" && pwd)
}

if [ $# -eq 0 ]; then
  usage
  exit 2
fi
project=$(own_folder "${BASH_SOURCE[0]}")
venv_python=$project/.venv/bin/python

# Read the options of spark-submit, up to the path of the job. All options but flags and --name=value take the next
# argument as their value.
options=()
user_py_files=""
master=""
own_properties=""
while [ $# -gt 0 ]; do
  case $1 in --properties-file* | --load-spark-defaults) own_properties=yes ;; esac
  case $1 in
    --py-files)
      [ $# -ge 2 ] || fail "--py-files needs a value"
      user_py_files=$user_py_files,$2
      shift 2
      ;;
    --py-files=*)
      user_py_files=$user_py_files,${1#*=}
      shift
      ;;
    --master=*)
      master=${1#*=}
      options+=("$1")
      shift
      ;;
    -h | --help | -v | --verbose | --version | --supervise | --usage-error | --load-spark-defaults | --*=*)
      options+=("$1")
      shift
      ;;
    -*)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case "$1 $2" in
        "--master "* | "--conf spark.master="*) master=${2#spark.master=} ;;
      esac
      options+=("$1" "$2")
      shift 2
      ;;
    *) break ;;
  esac
done

conf="" # the folder of Spark's settings, if the project's Spark runs the job
if [ -n "${SPARK_HOME:-}" ]; then
  [ -x "$SPARK_HOME/bin/spark-submit" ] || fail "SPARK_HOME is $SPARK_HOME, which has no bin/spark-submit"
  # Spark 4 needs Java 17 or 21; with any other version it fails with a Java stack trace.
  if java_home=$("$project/tools/java.sh" 2>/dev/null); then export JAVA_HOME=$java_home; fi
else
  # Not .venv/bin/spark-submit: it searches for Spark with the Python on PATH, and fails if its path contains a space.
  for SPARK_HOME in "$project"/.venv/lib/python3*/site-packages/pyspark; do :; done
  [ -x "$venv_python" ] && [ -x "$SPARK_HOME/bin/spark-submit" ] || fail "there is no Spark in .venv; run make setup first"
  compgen -G "$SPARK_HOME/jars/io.delta_delta-spark*.jar" >/dev/null ||
    echo "warning: Delta's jars are not in .venv; run make setup to complete it" >&2
  JAVA_HOME=$("$project/tools/java.sh")
  export SPARK_HOME JAVA_HOME
  conf=${SPARK_CONF_DIR:-$project/conf}
fi

# By default Spark runs the python3 on PATH, which may lack the packages that segue needs.
if [ -x "$venv_python" ]; then
  export PYSPARK_PYTHON=${PYSPARK_PYTHON:-$venv_python}
  export PYSPARK_DRIVER_PYTHON=${PYSPARK_DRIVER_PYTHON:-$venv_python}
fi

# spark-submit connects the job's stderr to a pipe, so the job cannot detect a terminal: SEGUE_TERMINAL=1 reports one.
if [ -t 2 ]; then export SEGUE_TERMINAL=1; else unset SEGUE_TERMINAL; fi

# With a local master, the driver's host name is set to localhost. By default Spark uses the machine's host name, and
# fails with a Java stack trace if that does not resolve, is a number or contains an underscore.
is_local=""
if [ -z "$master" ]; then
  defaults=${conf:-${SPARK_CONF_DIR:-$SPARK_HOME/conf}}/spark-defaults.conf
  if [ -r "$defaults" ]; then master=$(sed -n 's/^spark\.master[[:space:]=]*//p' "$defaults" | tail -n 1); fi
fi
case ${master:-local} in
  local | "local["*)
    is_local=yes
    if [ -z "${SPARK_LOCAL_IP:-}" ]; then export SPARK_LOCAL_HOSTNAME=${SPARK_LOCAL_HOSTNAME:-localhost}; fi
    ;;
esac

# With a local master, Java loads classes from the archive of tools/class_archive.sh. It refuses an archive if a folder
# with files is on the class path. That is where Spark puts SPARK_CONF_DIR, so the two files of conf/ that Spark reads
# are named by options instead, unless conf/ has other files or the user names a file of settings.
can_name_files() {
  local file
  [ "$is_local" ] && [ "$conf" = "$project/conf" ] && [ -z "$own_properties" ] || return 1
  # other characters have a meaning in a list of Java options or in a URL
  case $project in *[!A-Za-z0-9/._\ -]*) return 1 ;; esac
  for file in "$conf"/*; do
    case ${file##*/} in *.toml | recipes | sources | log4j2.properties | spark-defaults.conf) ;; *) return 1 ;; esac
  done
}
if [ "$conf" ]; then
  if can_name_files; then
    unset SPARK_CONF_DIR
    options=(--properties-file "$conf/spark-defaults.conf" ${options[@]+"${options[@]}"})
    java_options="\"-Dlog4j2.configurationFile=$conf/log4j2.properties\""
    archive=$project/build/classes.jsa
    # Java ignores an archive of other jars or of another Java; without the last two options, it also prints a warning
    # guard: archive-of-classes-used
    if [ -r "$archive" ]; then java_options+=" \"-XX:SharedArchiveFile=$archive\" -Xlog:cds*=off -Xlog:class+path=off"; fi
    export SPARK_SUBMIT_OPTS="$java_options ${SPARK_SUBMIT_OPTS:-}"
  else
    export SPARK_CONF_DIR=$conf
  fi
fi

# lib/segue is shipped as a zip, also to a local master, where lib/ on PYTHONPATH would do: every run then uses the same
# packaged library as a run on a cluster.
if [ $# -gt 0 ]; then
  job=$1
  shift
  if [ ! -e "$job" ] && [ -e "$project/$job" ]; then job=$project/$job; fi
  library=$("${PYSPARK_DRIVER_PYTHON:-${PYSPARK_PYTHON:-python3}}" "$project/tools/library_zip.py")
  set -- --py-files "$library$user_py_files" "$job" "$@"
fi

# A JVM that receives a signal exits at once, and ends the Python job before the job has recorded the interruption in
# the table runs. Therefore this script forwards a signal to the Python job only, and the JVM exits when the job ends.
# - set -m gives the JVM and the job a process group of their own, which a terminal's Ctrl-C does not reach.
# - The job writes its process id to the file SEGUE_LISTENER when it has installed its signal handlers. Until then, and
#   if the job runs on the cluster (--deploy-mode cluster), the file is empty, and spark-submit receives the signal.
SEGUE_LISTENER=$(mktemp)
export SEGUE_LISTENER
trap 'rm -f "$SEGUE_LISTENER"' EXIT
pass_on() {
  local job_process=""
  read -r job_process <"$SEGUE_LISTENER" || true
  # guard: signal-passed-to-job -> true
  kill -s "$1" "${job_process:-$submit}" 2>/dev/null || true
}

set -m
"$SPARK_HOME/bin/spark-submit" ${options[@]+"${options[@]}"} "$@" <&0 &
submit=$!
trap 'pass_on TERM' TERM
trap 'pass_on HUP' HUP
trap 'pass_on INT' INT
code=0
# a trapped signal makes wait return before the process has ended: wait again
while wait "$submit"; code=$?; kill -0 "$submit" 2>/dev/null; do :; done

# If the JVM itself fails, it has printed its stack trace, and exits with one of Spark's codes 50 to 59; 52 is out of
# memory.
case $code in
  52) echo "error: the driver ran out of memory; give it more, such as --driver-memory 4g, and run again" >&2 && exit 1 ;;
  # guard: jvm-exit-code-mapped
  5[0-9]) exit 1 ;;
esac
exit "$code"
