#!/usr/bin/env bash
# Prints the JAVA_HOME of a Java that Spark 4 supports, even if the system's default is another version.
#   tools/java.sh             searches only
#   tools/java.sh --install   if there is none, installs one where this user has the right
set -euo pipefail

supported="17 21"

# Prints the major version of the Java in a folder, from its release file if there is one: java -version starts a JVM.
version_of() {
  [ -x "$1/bin/java" ] || return 0
  if [ -r "$1/release" ]; then
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
  else
    "$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' || true
  fi
}

is_supported() {
  local version
  [ -n "$1" ] || return 1
  version=$(version_of "$1")
  case " $supported " in
    *" ${version:-none} "*) return 0 ;;
  esac
  return 1
}

# Prints the JAVA_HOME of the java on PATH. That can be the wrapper of a version manager, in a folder without a release
# file: then runs java, which prints its home.
home_on_path() {
  local java home
  java=$(command -v java) || return 0
  home=$(readlink -f "$java" 2>/dev/null || true)
  home=${home%/bin/java}
  if [ -r "$home/release" ]; then
    echo "$home"
  else
    "$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p' || true
  fi
}

# Prints the folders where Java is usually installed.
homes_elsewhere() {
  local version
  printf '%s\n' /usr/lib/jvm/* "${HOME:-}"/.sdkman/candidates/java/* \
    /opt/homebrew/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home \
    /usr/local/opt/openjdk@*/libexec/openjdk.jdk/Contents/Home
  if [ -x /usr/libexec/java_home ]; then # macOS
    for version in $supported; do /usr/libexec/java_home -v "$version" 2>/dev/null || true; done
  fi
}

find_java() {
  local home
  for home in "${JAVA_HOME:-}" "$(home_on_path)"; do
    if is_supported "$home"; then echo "$home"; return 0; fi
  done
  while IFS= read -r home; do
    if is_supported "$home"; then echo "$home"; return 0; fi
  done < <(homes_elsewhere)
  return 1
}

# Prints the name of the first package manager on PATH of those that this script can use.
manager() {
  local name
  for name in apt-get dnf apk brew; do
    if command -v "$name" >/dev/null; then echo "$name"; return; fi
  done
}

# Prints the name of the first Java package that the package manager offers: most distributions have either 17 or 21.
package_for() {
  local query package
  case $1 in
    apt-get) query="apt-cache show"; set -- openjdk-17-jre-headless openjdk-21-jre-headless ;;
    dnf) query="dnf -q info"; set -- java-17-openjdk-headless java-21-openjdk-headless ;;
    apk) query="apk search -e"; set -- openjdk17-jre-headless openjdk21-jre-headless ;;
    brew) echo openjdk@17; return ;;
  esac
  for package in "$@"; do
    if [ -n "$($query "$package" 2>/dev/null)" ]; then echo "$package"; return; fi
  done
  echo "$1"
}

install_command() {
  case $1 in
    apt-get | dnf) echo "$1 install -y $(package_for "$1")" ;;
    apk) echo "apk add $(package_for apk)" ;;
    brew) echo "brew install $(package_for brew)" ;;
  esac
}

# Prints the prefix of a command that needs root: none for root and for brew, which refuses root. Fails if sudo would
# prompt for a password: set-up never waits for input.
as_root() {
  if [ "$(id -u)" = 0 ] || [ "$1" = brew ]; then return 0; fi
  sudo -n true 2>/dev/null || return 1
  echo "sudo -n env DEBIAN_FRONTEND=noninteractive"
}

install_java() {
  local prefix command
  prefix=$(as_root "$1") || return 1
  export DEBIAN_FRONTEND=noninteractive
  # A fresh image has no package lists. The update fails if any source does, even one that is not needed here.
  # shellcheck disable=SC2086  # split into words, here and below
  if [ "$1" = apt-get ]; then $prefix apt-get update -q || true; fi
  command=$(install_command "$1")
  echo "no Java 17 or 21 found; running $command"
  # shellcheck disable=SC2086
  $prefix $command
}

if find_java; then exit 0; fi

hint="run make setup, or set JAVA_HOME"
if [ "${1:-}" = --install ]; then
  manager=$(manager)
  # Standard output is for the path only.
  if [ -n "$manager" ] && install_java "$manager" >&2 </dev/null && find_java; then exit 0; fi
  case $manager in
    "") hint="install one, and set JAVA_HOME to its folder" ;;
    apt-get) hint="type: sudo apt-get update && sudo $(install_command apt-get)" ;;
    brew) hint="type: $(install_command brew)" ;;
    *) hint="type: sudo $(install_command "$manager")" ;;
  esac
  [ -z "$manager" ] || hint="$hint (17 or 21), then make setup"
fi
echo "error: Spark needs Java 17 or 21, and none was found in JAVA_HOME, on PATH or in /usr/lib/jvm; $hint" >&2
exit 2
