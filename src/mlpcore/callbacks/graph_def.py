"""The graph of a model's layers in TensorBoard's own form, a ``GraphDef``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mlpcore._layer_graph import LayerGraph, LayerNode


def graph_def(graph: LayerGraph) -> Any:
    """Return a ``GraphDef``: a node for each call, with shapes on the edges; inner models become groups."""
    pb = import_module("tensorboardX.proto.graph_pb2")
    versions = import_module("tensorboardX.proto.versions_pb2")
    nodes = [_node(node) for node in graph.expanded().nodes]
    return pb.GraphDef(node=nodes, versions=versions.VersionDef(producer=22))


def _node(node: LayerNode) -> Any:
    attr = import_module("tensorboardX.proto.attr_value_pb2").AttrValue
    node_def = import_module("tensorboardX.proto.node_def_pb2").NodeDef
    shapes = attr.ListValue(shape=[_shape(shape) for shape in node.output_shapes])
    attributes = {"_output_shapes": attr(list=shapes), "params": attr(i=node.n_params)}
    for name, text in (("dtype", node.dtype), ("activation", node.activation)):
        if text:
            attributes[name] = attr(s=text.encode())
    inputs = [_plain(name) for name in node.inputs]
    return node_def(name=_plain(node.name), op=node.kind, input=inputs, attr=attributes)


def _plain(name: str) -> str:
    return name.replace(":", "_").replace(" ", "_")  # a colon would name an output of the node


def _shape(shape: tuple[int | None, ...]) -> Any:
    pb = import_module("tensorboardX.proto.tensor_shape_pb2").TensorShapeProto
    return pb(dim=[pb.Dim(size=-1 if size is None else size) for size in shape])
