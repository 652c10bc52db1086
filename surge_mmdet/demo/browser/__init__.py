"""A folder with a web page that detects inside the browser, by ONNX Runtime Web."""
