"""The programs in the API of TensorFlow 1: they run on penstock and on TensorFlow."""
