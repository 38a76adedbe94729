"""Two versions of one model: will this flight arrive more than 15 minutes late?"""

from __future__ import annotations

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from examples.flights.data import FEATURES

TEXTS = ["carrier", "origin", "dest"]
NUMBERS = [name for name in FEATURES if name not in TEXTS]


def version_1(learn: pd.DataFrame) -> Pipeline:
    """A logistic regression on one-hot texts and scaled numbers."""
    columns = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS),
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        ]
    )
    return fitted(make_pipeline(columns, LogisticRegression(max_iter=200)), learn)


def version_2(learn: pd.DataFrame) -> Pipeline:
    """A gradient boosting, which takes missing values as they are."""
    columns = ColumnTransformer(
        [
            ("texts", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), TEXTS),
            ("numbers", "passthrough", NUMBERS),
        ]
    )
    return fitted(make_pipeline(columns, HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=15, random_state=0)), learn)


def fitted(model: Pipeline, learn: pd.DataFrame) -> Pipeline:
    with threadpool_limits(1):  # on a busy machine two OpenMP threads wait for each other: 120 s instead of 3
        return model.fit(learn[FEATURES], learn["late"].astype(bool).map({True: "late", False: "on time"}))
