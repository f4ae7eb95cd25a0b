"""Builds the descriptors of normlab's messages, from which normlab._proto makes its classes, out of the .proto files."""

import pathlib
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
NAME = "normlab/_proto/descriptors.binpb"


def proto_folder() -> pathlib.Path:
    """In the repository the .proto files stand beside this folder, in a source distribution within it."""
    for folder in (HERE / "proto", HERE.parent / "proto"):
        if (folder / "normlab/v1").is_dir():
            return folder
    raise SystemExit("normlab's .proto files are neither in ./proto nor in ../proto; build from a whole checkout or its sdist")


def proto_files(folder: pathlib.Path) -> list[str]:
    """Those of normlab's own API: what other programs speak with its server (proto/tensorboard) is none of a client's."""
    return sorted(path.relative_to(folder).as_posix() for top in ("google", "normlab") for path in folder.glob(f"{top}/**/*.proto"))


def compiler() -> list[str]:
    try:
        import grpc_tools.protoc  # noqa: F401
    except ImportError:
        if shutil.which("protoc"):
            return ["protoc"]
        raise SystemExit("neither the package grpcio-tools nor the program protoc is here; install one of them") from None
    return [sys.executable, "-m", "grpc_tools.protoc"]


def write_descriptors(target: pathlib.Path) -> None:
    folder = proto_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    arguments = [f"-I{folder}", f"--descriptor_set_out={target}", *proto_files(folder)]
    subprocess.run([*compiler(), *arguments], check=True)


class BuildWithDescriptors(build_py):
    def run(self) -> None:
        super().run()
        root = HERE if getattr(self, "editable_mode", False) else pathlib.Path(self.build_lib)
        write_descriptors(root / NAME)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return [*super().get_outputs(include_bytecode), str(pathlib.Path(self.build_lib) / NAME)]


class SdistWithProtos(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        if (licence := HERE.parent / "LICENSE").exists():
            shutil.copy(licence, base_dir)
        folder = proto_folder()
        for name in proto_files(folder):
            target = pathlib.Path(base_dir) / "proto" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, target)


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildWithDescriptors, "sdist": SdistWithProtos})
