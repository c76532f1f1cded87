"""Networks written once over an alphabet of operations, for torch to train and ONNX Runtime to run."""
