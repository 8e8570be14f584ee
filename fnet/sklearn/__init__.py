"""Estimators with scikit-learn's conventions: networks in a Pipeline or a GridSearchCV.

They need scikit-learn (`pip install 'fnet[sklearn]'`). What they train is what `fnet.training.fit`
trains, and stays readable: the attribute model_ is the layer, params_ its parameters.

>>> import numpy as np
>>> from sklearn.model_selection import GridSearchCV
>>> x = np.random.default_rng(0).uniform(-1, 1, (80, 1))
>>> search = GridSearchCV(Classifier(epochs=50, random_state=0), {"hidden": [(), (8,)]}, cv=2)
>>> search.fit(x, np.where(abs(x[:, 0]) < 0.5, "near", "far")).best_params_
{'hidden': (8,)}
"""

from fnet.sklearn.estimators import Classifier, Regressor

__all__ = ["Classifier", "Regressor"]
