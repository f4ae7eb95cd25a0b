"""The steps of MLflow's own quick start, as a user writes them: nothing in here knows normlab. The server is MLFLOW_TRACKING_URI."""

import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
params = {"solver": "lbfgs", "max_iter": 1000, "random_state": 8888}

mlflow.set_experiment("MLflow Quickstart")

# With autologging.
mlflow.sklearn.autolog()
LogisticRegression(**params).fit(X_train, y_train)
mlflow.sklearn.autolog(disable=True)

# By hand.
with mlflow.start_run():
    mlflow.log_params(params)
    lr = LogisticRegression(**params)
    lr.fit(X_train, y_train)
    model_info = mlflow.sklearn.log_model(sk_model=lr, name="iris_model")
    accuracy = accuracy_score(y_test, lr.predict(X_test))
    mlflow.log_metric("accuracy", accuracy)
    mlflow.set_tag("Training Info", "Basic LR model for iris data")

# The model, loaded back.
loaded_model = mlflow.pyfunc.load_model(model_info.model_uri)
assert (loaded_model.predict(X_test) == lr.predict(X_test)).all()
print(mlflow.search_runs(order_by=["metrics.accuracy DESC"]).T)
