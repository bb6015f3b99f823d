"""Start Hadoop in a separate JVM: a NameNode, a DataNode, a ResourceManager and a NodeManager on 127.0.0.1."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from tests.helpers.submitted_jobs import PROJECT

_SETTINGS = {
    "dfs.replication": "1",
    "dfs.namenode.http-address": "127.0.0.1:0",
    "dfs.datanode.http.address": "127.0.0.1:0",
    # the scheduler has no queue by default
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    # application masters, which in cluster mode are Spark's drivers, may use the whole queue
    "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
    "yarn.scheduler.minimum-allocation-mb": "256",
    "yarn.nodemanager.resource.memory-mb": "8192",
    "yarn.nodemanager.resource.cpu-vcores": "4",
    "yarn.nodemanager.vmem-check-enabled": "false",
    # a nearly full disk of this machine must not make the node unhealthy
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "100",
}
_CLIENT_SETTINGS = ("yarn.resourcemanager.address", "yarn.resourcemanager.scheduler.address")


@dataclass(frozen=True)
class Hadoop:
    """A running cluster: the URI of its file system, and a folder with the configuration for its clients."""

    uri: str
    configuration: Path
    _jvm: Any

    def upload(self, file: Path) -> str:
        """Copy a local file into the root folder of HDFS; return its URI."""
        uri = f"{self.uri}/{file.name}"
        self._file_system().copyFromLocalFile(self._path(file.as_uri()), self._path(uri))
        return uri

    def download(self, uri: str, folder: Path) -> Path:
        """Copy a file or folder of HDFS to a local folder that does not exist; return that folder."""
        self._file_system().copyToLocalFile(self._path(uri), self._path(folder.as_uri()))
        return folder

    def _file_system(self):
        return self._path(self.uri + "/").getFileSystem(self._jvm.org.apache.hadoop.conf.Configuration())

    def _path(self, uri: str):
        return self._jvm.org.apache.hadoop.fs.Path(uri)


def class_path() -> str:
    """Return the class path of the cluster. Without its jars, skip the test, or fail it if CI is set."""
    search = subprocess.run([PROJECT / "tools" / "hadoop_jars.sh"], capture_output=True, text=True, check=False)
    if search.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(search.stderr.strip())
    return search.stdout.strip()


@contextmanager
def start_hadoop(folder: Path) -> Iterator[Hadoop]:
    """Context manager: start HDFS and YARN with all their files below a folder, and end their JVM after the block."""
    java = subprocess.run([PROJECT / "tools" / "java.sh"], capture_output=True, text=True, check=True).stdout.strip()
    with (folder / "log").open("wb") as log:
        port, process = launch_gateway(
            classpath=class_path(),
            javaopts=["-Xmx512m", "-XX:+UseSerialGC", f"-Djava.io.tmpdir={folder}", f"-Dhadoop.tmp.dir={folder}/tmp"],
            java_path=f"{java}/bin/java",
            die_on_exit=True,
            return_proc=True,
            cwd=str(folder),
            redirect_stdout=log,
            redirect_stderr=log,
        )
        try:
            gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
            yield _start_services(gateway.jvm, folder)
            gateway.close()
        finally:
            process.kill()
            process.wait()


def _start_services(jvm, folder: Path) -> Hadoop:
    settings = jvm.org.apache.hadoop.conf.Configuration()
    for name, value in (_SETTINGS | {"hdfs.minidfs.basedir": f"{folder}/dfs"}).items():
        settings.set(name, value)
    hdfs = jvm.org.apache.hadoop.hdfs.MiniDFSCluster.Builder(settings).numDataNodes(1).build()
    hdfs.waitActive()
    yarn = jvm.org.apache.hadoop.yarn.server.MiniYARNCluster("tests", 1, 1, 1)
    yarn.init(jvm.org.apache.hadoop.yarn.conf.YarnConfiguration(settings))
    yarn.start()
    uri = hdfs.getURI().toString()
    configuration = folder / "configuration"
    configuration.mkdir()
    _write_site(configuration / "core-site.xml", {"fs.defaultFS": uri})
    _write_site(configuration / "yarn-site.xml", {name: yarn.getConfig().get(name) for name in _CLIENT_SETTINGS})
    return Hadoop(uri, configuration, jvm)


def _write_site(file: Path, settings: dict[str, str]) -> None:
    properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in settings.items())
    file.write_text(f"<configuration>{properties}</configuration>")
