"""Reading and writing single files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segue.errors import OutputError
from segue.storage import files


def test_text_is_written_and_read_back(tmp_path):
    uri = str(tmp_path / "ü %20" / "model.json")
    files.make_folder(str(tmp_path / "ü %20"))
    assert files.read_text(uri) is None
    for text in ("first, and long", "second"):
        files.write_text(uri, text)
        assert files.read_text(uri) == text
        assert Path(uri).read_text("utf-8") == text
    assert files.list_names(str(tmp_path / "ü %20")) == ["model.json"]


def test_file_uri_and_path_are_the_same_file(tmp_path):
    files.write_text(f"file:{tmp_path}/a", "x")
    assert files.read_text(f"{tmp_path}/a") == "x"
    assert files.read_text(f"file://{tmp_path}/a") == "x"


def test_folder_operations_on_a_file_are_refused(tmp_path):
    (tmp_path / "f").write_text("")
    assert files.list_names(str(tmp_path / "none")) is None
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        files.list_names(str(tmp_path / "f"))
    with pytest.raises(OutputError, match="cannot write to"):
        files.make_folder(str(tmp_path / "f" / "g"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [("s3a://bucket/out/", "s3a://bucket/out"), ("hdfs://host:9000/x", "hdfs://host:9000/x"), ("/a/b", "file:/a/b")],
)
def test_spark_uri_keeps_uris_and_makes_paths_local(path, expected):
    assert files.spark_uri(path) == expected


def test_unknown_scheme_is_refused():
    with pytest.raises(OutputError, match="cannot reach nosuch://x"):
        files.read_text("nosuch://x/y")


def test_size_is_known_for_local_files_and_folders_only(tmp_path):
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
            for write in [pool.submit(files.write_text, uri, text) for text in texts]:
                write.result()
            assert files.read_text(uri) in texts
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def test_failed_write_leaves_no_temporary_file(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").mkdir()
    with pytest.raises(OSError):
        files.write_text(str(tmp_path / "x"), "text")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
