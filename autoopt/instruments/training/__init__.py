"""A training's score: `python -P -m autoopt.instruments.training run --metric f1 --command 'python a.py'`.

The score is read from what the training prints, in whatever words (`run`), or from the MLflow runs that
this very execution made (`mlflow`). Both print it as `METRIC score=`, with all other numbers and `train_s`.
"""
