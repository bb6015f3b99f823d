#!/usr/bin/env bash
# Submits one job together with the library it needs, from wherever it is called. See usage below.
set -euo pipefail

usage() {
  cat >&2 <<'TEXT'
usage: spark-submit.sh [spark-submit options] jobs/JOB.py [job options]

Runs on local[*] unless --master says otherwise. --help instead of a job lists spark-submit's options;
jobs/JOB.py --help lists a job's own. With SPARK_HOME set that Spark runs the job, else the one in .venv.
TEXT
}

fail() {
  echo "error: $1" >&2
  exit 2
}

# This file's folder, also when it is called through a symbolic link (not every system has readlink -f).
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

# spark-submit's own options end at the job: only those without a value and --name=value stand alone.
options=()
user_py_files=""
master=""
while [ $# -gt 0 ]; do
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

if [ -n "${SPARK_HOME:-}" ]; then
  [ -x "$SPARK_HOME/bin/spark-submit" ] || fail "SPARK_HOME is $SPARK_HOME, which has no bin/spark-submit"
  # With another Java than 17 or 21 Spark 4 ends in a trace.
  if java_home=$("$project/tools/java.sh" 2>/dev/null); then export JAVA_HOME=$java_home; fi
else
  # pip's own starter would look for Spark with whatever Python is on PATH, and breaks on a space in its path.
  for SPARK_HOME in "$project"/.venv/lib/python3*/site-packages/pyspark; do :; done
  [ -x "$venv_python" ] && [ -x "$SPARK_HOME/bin/spark-submit" ] || fail "there is no Spark in .venv; run make setup first"
  compgen -G "$SPARK_HOME/jars/io.delta_delta-spark*.jar" >/dev/null ||
    echo "warning: Delta's jars are not in .venv; run make setup to complete it" >&2
  JAVA_HOME=$("$project/tools/java.sh")
  export SPARK_HOME JAVA_HOME
  export SPARK_CONF_DIR=${SPARK_CONF_DIR:-$project/conf}
fi

# Without these Spark runs the python3 on PATH, which need not be the one with the packages.
if [ -x "$venv_python" ]; then
  export PYSPARK_PYTHON=${PYSPARK_PYTHON:-$venv_python}
  export PYSPARK_DRIVER_PYTHON=${PYSPARK_DRIVER_PYTHON:-$venv_python}
fi

# Spark leads what a job prints through a pipe, so only here can it be seen whether somebody watches.
if [ -t 2 ]; then export SEGUE_TERMINAL=1; else unset SEGUE_TERMINAL; fi

# A local master needs no name of this machine: one that does not resolve, is a number or has an underscore in it would
# end the start in a Java trace.
if [ -z "$master" ]; then
  defaults=${SPARK_CONF_DIR:-$SPARK_HOME/conf}/spark-defaults.conf
  if [ -r "$defaults" ]; then master=$(sed -n 's/^spark\.master[[:space:]=]*//p' "$defaults" | tail -n 1); fi
fi
case ${master:-local} in
  local | "local["*)
    if [ -z "${SPARK_LOCAL_IP:-}" ]; then export SPARK_LOCAL_HOSTNAME=${SPARK_LOCAL_HOSTNAME:-localhost}; fi
    ;;
esac

# The zip alone, and not lib/ on PYTHONPATH: what runs here is what a cluster gets.
if [ $# -gt 0 ]; then
  job=$1
  shift
  if [ ! -e "$job" ] && [ -e "$project/$job" ]; then job=$project/$job; fi
  library=$("${PYSPARK_DRIVER_PYTHON:-${PYSPARK_PYTHON:-python3}}" "$project/tools/library_zip.py")
  set -- --py-files "$library$user_py_files" "$job" "$@"
fi

# A JVM that hears a signal takes the job down with its last words unsaid. So the job alone hears it, and the JVM ends
# when the job has: it gets a process group of its own, which a terminal's Ctrl-C does not reach. The job tells its
# process here once it listens; until then, and where it runs on the cluster, the JVM hears.
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
trap 'pass_on TERM' TERM HUP
trap 'pass_on INT' INT
code=0
# a signal ends the waiting, not what is waited for
while wait "$submit"; code=$?; kill -0 "$submit" 2>/dev/null; do :; done

# A JVM that fails on its own ends with a code of Spark's, 52 where it lacks memory, and its trace stands above.
case $code in
  52) echo "error: the driver ran out of memory; give it more, such as --driver-memory 4g, and run again" >&2 && exit 1 ;;
  # guard: jvm-exit-code-mapped
  5[0-9]) exit 1 ;;
esac
exit "$code"
