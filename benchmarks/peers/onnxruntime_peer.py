"""ONNX Runtime: prediction by a graph of Gemm, Relu and Softmax, NumPy in and out."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from equal import output_loss, start
from peers import Work
from problems import Problem


def versions() -> str:
    return f"onnxruntime {onnxruntime.__version__}"


def graph(problem: Problem, parameters: list[np.ndarray]) -> onnx.ModelProto:
    """Return the network that the parameters make."""
    nodes, weights, value = [], [], "x"
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for i, (kernel, bias) in enumerate(layers):
        names = [f"kernel{i}", f"bias{i}"]
        weights += [numpy_helper.from_array(a, n) for a, n in zip((kernel, bias), names, strict=True)]
        nodes.append(helper.make_node("Gemm", [value, *names], [f"score{i}"]))
        last = "Softmax" if problem.output == "softmax" else "Identity"
        value = f"value{i}"
        nodes.append(helper.make_node("Relu" if i + 1 < len(layers) else last, [f"score{i}"], [value]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
        for name, width in (("x", problem.layers[0]), (value, problem.layers[-1]))
    ]
    whole = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights)
    return helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, threads: int) -> Work:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    initial, _ = start(problem, 0)
    session = onnxruntime.InferenceSession(
        graph(problem, initial).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def predict() -> np.ndarray:
        return session.run(None, {"x": x})[0]

    return Work(predict, lambda: output_loss(problem, predict(), y))
