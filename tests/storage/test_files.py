"""Reading and writing single files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segue.core.paths import spark_uri
from segue.errors import OutputError
from segue.storage import files
from segue.storage.hadoop_files import HadoopFiles

FILES = files.Files()


def test_text_is_written_and_read_back(tmp_path):
    uri = str(tmp_path / "ü %20" / "model.json")
    FILES.make_folder(str(tmp_path / "ü %20"))
    assert FILES.read_text(uri) is None
    for text in ("first, and long", "second"):
        FILES.write_text(uri, text)
        assert FILES.read_text(uri) == text
        assert Path(uri).read_text("utf-8") == text
    assert FILES.list_names(str(tmp_path / "ü %20")) == ["model.json"]


def test_file_uri_and_path_are_the_same_file(tmp_path):
    FILES.write_text(f"file:{tmp_path}/a", "x")
    assert FILES.read_text(f"{tmp_path}/a") == "x"
    assert FILES.read_text(f"file://{tmp_path}/a") == "x"


def test_folder_operations_on_a_file_are_refused(tmp_path):
    (tmp_path / "f").write_text("")
    assert FILES.list_names(str(tmp_path / "none")) is None
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        FILES.list_names(str(tmp_path / "f"))
    with pytest.raises(OutputError, match="cannot write to"):
        FILES.make_folder(str(tmp_path / "f" / "g"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [("s3a://bucket/out/", "s3a://bucket/out"), ("hdfs://host:9000/x", "hdfs://host:9000/x"), ("/a/b", "file:/a/b")],
)
def test_spark_uri_keeps_uris_and_makes_paths_local(path, expected):
    assert spark_uri(path) == expected


def test_other_file_systems_need_a_session():
    with pytest.raises(OutputError, match="cannot reach s3a://x/y without a Spark session"):
        FILES.read_text("s3a://x/y")


@pytest.mark.parametrize(
    ("uri", "cause"),
    [
        ("nosuch://x/y", 'UnsupportedFileSystemException: No FileSystem for scheme "nosuch"'),
        (
            "abfs://box@account.example/y",
            "AzureBlobFileSystem not found; Spark lacks the jars of that store's connector",
        ),
    ],
)
def test_unknown_file_system_is_refused_with_the_innermost_cause(spark, uri, cause):
    with pytest.raises(OutputError, match=r"^cannot reach ") as refused:
        files.Files(spark).read_text(uri)
    assert cause in str(refused.value)


@pytest.fixture
def hadoop(spark):
    """Hadoop's file systems. On the local disk Hadoop replaces a file by a rename, as on HDFS."""
    return HadoopFiles(spark)


def test_hadoop_writes_reads_lists_and_removes(hadoop, tmp_path):
    folder = f"file:{tmp_path}/a b"
    assert hadoop.list_names(folder) is None
    hadoop.make_folder(folder)
    assert (hadoop.list_names(folder), hadoop.read(f"{folder}/x"), hadoop.read(folder)) == ([], None, None)
    for content in (b"first, and long", "zwölf".encode(), bytes(range(256))):
        hadoop.write(f"{folder}/x", content)
        assert hadoop.read(f"{folder}/x") == content
    hadoop.write(f"{folder}/w", b"")
    assert [name for name in hadoop.list_names(folder) if not name.endswith(".crc")] == ["w", "x"]
    assert len(hadoop.list_names(folder, 1)) == 1
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        hadoop.list_names(f"{folder}/x")
    hadoop.remove(f"{folder}/x")
    hadoop.remove(f"{folder}/x")
    assert hadoop.read(f"{folder}/x") is None
    with pytest.raises(OutputError, match=r"^cannot write"):
        hadoop.write(f"{folder}/w/y", b"")


def test_local_size_is_none_unless_a_local_file_or_folder_exists(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "in" / "b").write_bytes(b"678")
    assert files.local_size(f"{tmp_path}/a") == files.local_size(f"file:{tmp_path}/a") == 5
    assert files.local_size(str(tmp_path)) == 8
    assert files.local_size(f"{tmp_path}/*") is None
    assert files.local_size("nosuch://x/y") is None


@pytest.mark.guard("temporary-file-unique")
def test_concurrent_writes_of_a_file_do_not_mix(tmp_path):
    uri, texts = str(tmp_path / "x.html"), [letter * 3_000_000 for letter in "ab"]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            for write in [pool.submit(FILES.write_text, uri, text) for text in texts]:
                write.result()
            assert FILES.read_text(uri) in texts
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def test_failed_write_leaves_no_temporary_file(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").mkdir()
    with pytest.raises(OSError):
        FILES.write_text(str(tmp_path / "x"), "text")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
