import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import numpy as np
from tfcollide.polytope.exact.linear_program import LinearProgram, solve_program

square = LinearProgram(np.ones(2), np.ones([1, 2]), np.ones(1), np.full(1, np.inf), np.zeros(2), np.ones(2))
assert solve_program(square).value == 1 and abs(solve_program(square, vertex=False).value - 1) < 1e-6
"""


def test_a_solver_says_nothing_of_itself():
    """In a process of its own, as HiGHS prints its license once per process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
