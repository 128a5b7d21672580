"""Packaging: dependencies, extras and the installed commands."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / "tfcollide" / "__init__.py").read_text()).group(1)

SERVING = [
    "aiohttp>=3.9",
    "grpcio>=1.62",
    "grpcio-health-checking>=1.62",
    "tensorflow-serving-api>=2.19",
    "urllib3>=2.0",
]
DOCS = [
    "ipykernel>=6.29",
    "mkdocs>=1.6,<2",
    "mkdocs-material>=9.5",
    "mkdocstrings[python]>=0.26",
    "nbclient>=0.10",
    "nbconvert>=7.16",
    "nbformat>=5.10",
]
EXTRAS = {
    "serving": SERVING,
    "beam": ["apache-beam>=2.69"],
    "dask": ["apache-beam[dask]>=2.69"],
    "patches": ["annoy>=1.17"],  # has no wheel: it needs a C++ compiler
    "keras2": ["tf_keras>=2.20"],  # its version is TensorFlow's
    "verify": ["onnx>=1.16"],
    "docs": DOCS,
    "dev": [
        *SERVING,
        "annoy>=1.17",
        "coverage>=7.6",
        "import-linter>=2.5",
        "mini-racer>=0.12",  # runs the script of explore.html in tests
        "mypy>=1.11",
        "onnx>=1.16",
        "onnxruntime>=1.18",
        "psutil>=5.9",
        "pytest>=8.0",
        "pytest-xdist>=3.7",
        "ruff>=0.6",
        "tf_keras>=2.20",
        "types-tqdm",
        "vnnlib>=1.0",
    ],
}

setup(
    name="tfcollide",
    version=VERSION,
    description="Feature collisions of ReLU networks: several at once, and everything between them",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["tfcollide", "tfcollide.*"]),
    package_data={
        "tfcollide": ["py.typed"],
        "tfcollide.report.explore": ["assets/*"],
        "tfcollide.recipes": ["flagfiles/*.flags"],
    },
    install_requires=[
        "absl-py>=2.1",
        "clarabel>=0.10",
        "h5py>=3.11",
        "highspy>=1.8",
        # tensorflow-datasets 4.9.10 imports it on Python 3.11 without declaring it.
        "importlib_resources>=6.0",
        "keras>=3.10",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "pandas>=2.1",
        "pillow>=11.3",
        # The newest tensorflow-metadata, which tensorflow-datasets brings along, asks for it without declaring it.
        "protobuf>=6.31.1",
        "pyarrow>=14.0",
        "scikit-learn>=1.4",
        "scipy>=1.12",
        # TensorFlow writes events through it, and since 2.20 no longer brings it along.
        "tensorboard>=2.20",
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.6",
        "threadpoolctl>=3.1",
        "tqdm>=4.66",
    ],
    extras_require=EXTRAS,
    scripts=["bin/check_proof"],  # one file that imports nothing of this package
    entry_points={
        "console_scripts": [
            "collide=tfcollide.cli:collide",
            "collide-audit=tfcollide.cli:audit",
            "collide-check-served=tfcollide.cli:check_served",
            "collide-explore=tfcollide.cli:explore",
            "collide-export=tfcollide.cli:export",
            "collide-index-patches=tfcollide.cli:index_patches",
            "collide-match-proof=tfcollide.cli:match_proof",
            "collide-query-patches=tfcollide.cli:query_patches",
            "collide-rebuild-composite=tfcollide.cli:rebuild_composite",
            "collide-compare-looks=tfcollide.cli:compare_looks",
            "collide-serve=tfcollide.cli:serve_local",
            "collide-train=tfcollide.cli:train_classifier",
        ],
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
