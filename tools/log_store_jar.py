"""Compile ``lib/java``, segue's log store for Delta on S3, into a jar in Spark's jars folder.

Uses Janino, the Java compiler that Spark itself ships, so no JDK is needed.
"""

import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pyspark.java_gateway import launch_gateway

SOURCES = Path(__file__).parents[1] / "lib" / "java"
JAR = "segue-log-store.jar"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time stamp of the jar's entries: a constant, so that the same source gives the same jar."""


def compile_sources(jars: Path, classes: Path) -> None:
    """Compile all Java files below ``SOURCES`` into the folder ``classes``. Starts a JVM.

    The jars in the folder ``jars`` are the compiler's class path.
    """
    gateway = launch_gateway()
    try:
        jvm = gateway.jvm
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        factories = jvm.org.codehaus.commons.compiler.CompilerFactoryFactory
        compiler = factories.getDefaultCompilerFactory(loader).newCompiler()
        compiler.setClassPath(_java_files(gateway, sorted(jars.glob("*.jar"))))
        compiler.setDestinationDirectory(jvm.java.io.File(str(classes)), False)
        compiler.compile(_java_files(gateway, sorted(SOURCES.rglob("*.java"))))
    finally:
        gateway.shutdown()


def _java_files(gateway: Any, paths: list[Path]) -> Any:
    files = gateway.new_array(gateway.jvm.java.io.File, len(paths))
    for index, path in enumerate(paths):
        files[index] = gateway.jvm.java.io.File(str(path))
    return files


def main() -> None:
    """Compile the log store, and write it as ``JAR`` into the jars folder of the installed pyspark."""
    spec = find_spec("pyspark")
    (spark,) = spec.submodule_search_locations if spec and spec.submodule_search_locations else [""]
    jars = Path(spark) / "jars"
    with tempfile.TemporaryDirectory() as folder:
        classes = Path(folder)
        compile_sources(jars, classes)
        with zipfile.ZipFile(jars / JAR, "w") as jar:
            for path in sorted(classes.rglob("*.class")):
                jar.writestr(zipfile.ZipInfo(path.relative_to(classes).as_posix(), _EPOCH), path.read_bytes())


if __name__ == "__main__":
    main()
