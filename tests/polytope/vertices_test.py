import itertools

import keras
import numpy as np
import pytest

from tests.polytope.halfspaces_test import EMPTY, INF, POINT, PYRAMID, RAY, SIMPLEX, SQUARE, TRIANGLE, affine_of, polytope
from tfcollide.errors import RequestError
from tfcollide.models.affine import affine_map
from tfcollide.models.classifier import Classifier
from tfcollide.polytope.halfspaces import Polytope, collision_polytope
from tfcollide.polytope.vertices import (
    diverse_corners,
    exact_corners,
    explain,
    random_objectives,
    saved_corners,
    unit_objectives,
)
from tfcollide.shapes import Bounds
