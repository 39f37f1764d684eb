"""
Save, load and resume
=====================

Saves models and weights, keeps the best epoch, and goes on with a training that was killed as if nothing had happened.

``python examples/save_and_resume.py`` runs on data that come with scikit-learn; ``--data FOLDER`` takes
``FOLDER/fashion_mnist.npz``.
"""

import tempfile
from pathlib import Path

import numpy as np
from example_data import fashion_mnist, options

import mlpcore
from mlpcore import layers
from mlpcore.callbacks import BackupAndRestore, Callback, EarlyStopping, ModelCheckpoint

chosen = options("Save, load and resume")
data = fashion_mnist(chosen).head(10000)
epochs = 4 if chosen.quick else 8
folder = Path(tempfile.mkdtemp())


def new_model():
    mlpcore.utils.set_random_seed(42)
    model = mlpcore.Sequential(
        [
            layers.Dense(100, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"]
    )
    return model


def train(model, *callbacks):
    return model.fit(
        data.X_train,
        data.y_train,
        epochs=epochs,
        validation_data=(data.X_valid, data.y_valid),
        callbacks=[EarlyStopping(patience=5), *callbacks],
        verbose=0,
    )


# %%
# A model in one file, with its optimizer: the loaded one predicts the same, and can be trained on.

model = new_model()
history = train(model, ModelCheckpoint(folder / "best.keras", save_best_only=True))
model.save(folder / "model.mlp")
loaded = mlpcore.models.load_model(folder / "model.mlp")
same = np.array_equal(
    model.predict(data.X_test, verbose=0), loaded.predict(data.X_test, verbose=0)
)
print("loaded, predicts the same to the bit:", same)
best = mlpcore.models.load_model(folder / "best.keras")
print(f"best epoch {int(np.argmin(history.history['val_loss'])) + 1}:", end=" ")
print(f"validation loss {best.evaluate(data.X_valid, data.y_valid, verbose=0)[0]:.4f}")

# %%
# A training that breaks off in its third epoch. The error below could be a power cut.


class PowerCut(Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise RuntimeError("lights out")


try:
    train(new_model(), BackupAndRestore(folder / "backup"), PowerCut())
except RuntimeError as error:
    print("training stopped:", error)

# %%
# The same program, started again, finds the backup. In the end there is no telling the two trainings apart.

resumed = new_model()
resumed_history = train(resumed, BackupAndRestore(folder / "backup"))
pairs = zip(model.get_weights(), resumed.get_weights(), strict=True)
print(
    "weights of both trainings are the same to the bit:",
    all(np.array_equal(a, b) for a, b in pairs),
)
print("so is the history:", history.history == resumed_history.history)

# %%
# Estimators are saved by pickle as any of scikit-learn's, or in the same kind of file as models, which runs no code
# when it is loaded.

estimator = mlpcore.MLPClassifier(
    (50,),
    early_stopping=True,
    learning_rate_init=0.01,
    n_iter_no_change=3,
    random_state=0,
)
estimator.fit(data.X_train, data.y_train)
estimator.save(folder / "estimator.mlp")
again = mlpcore.load(folder / "estimator.mlp")
same = np.array_equal(
    estimator.predict_proba(data.X_test), again.predict_proba(data.X_test)
)
print("estimator loaded, predicts the same to the bit:", same)
