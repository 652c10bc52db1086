"""An ONNX graph that is written node by node, of standard operators only."""

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 18  # that PyTorch's exporter writes without converting


class Graph:
    """Nodes and initializers in the order in which they are added.

    Values are known by their names. A call adds a node, and plain numbers among
    its inputs become constants.

    Examples:
        >>> g = Graph()
        >>> g('Add', 'x', np.float32(1)), g('Add', 'x', np.float32(1))
        ('add_1', 'add_2')
        >>> len(g.initializers)
        1
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._constants: dict = {}

    def __call__(self, op: str, *inputs, outputs: int = 1, **attributes):
        """Add a node.

        Args:
            op (str): Its type.
            *inputs: Names, or arrays and numpy scalars; an empty name is an
                input that is left out.
            outputs (int): How many it has.
            **attributes: Of the operator.

        Returns:
            str | tuple[str]: The name of its output, or of its outputs.
        """
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        stem = f'{op.lower()}_{len(self.nodes) + 1}'
        found = [stem, *(f'{stem}_{i}' for i in range(1, outputs))]
        self.nodes.append(helper.make_node(op, names, found, name=stem, **attributes))
        return tuple(found) if outputs > 1 else stem

    def constant(self, value, name: str = '') -> str:
        """An initializer; equal ones without a name are one."""
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        key = (array.dtype.str, array.shape, array.tobytes())
        if not name and key in self._constants:
            return self._constants[key]
        chosen = name or f'constant_{len(self._constants)}'
        self.initializers.append(numpy_helper.from_array(array, chosen))
        if not name:
            self._constants[key] = chosen
        return chosen

    def rename(self, value: str, name: str) -> str:
        """The value under a name of its own, for an output."""
        self.nodes.append(helper.make_node('Identity', [value], [name], name=name))
        return name

    def include(self, part: GraphProto, prefix: str, inputs: dict) -> list:
        """Add all nodes of another graph.

        Args:
            part (GraphProto): The names of its parameters, which have a dot, are kept.
            prefix (str): In front of all other names.
            inputs (dict[str, str]): Which value each of its inputs is.

        Returns:
            list[str]: Its outputs.
        """
        known = {'': '', **inputs}
        known |= {each.name: each.name for each in part.initializer if '.' in each.name}

        def own(name: str) -> str:
            return known.get(name, f'{prefix}{name}')

        for node in part.node:
            copy = NodeProto()
            copy.CopyFrom(node)
            copy.name = f'{prefix}{node.name}'
            copy.input[:] = map(own, node.input)
            copy.output[:] = map(own, node.output)
            copy.ClearField('metadata_props')  # stack traces of the exporter
            copy.ClearField('doc_string')
            self.nodes.append(copy)
        for each in part.initializer:
            each.name = own(each.name)
            self.initializers.append(each)
        return [own(value.name) for value in part.output]

    def model(self, inputs: Sequence, outputs: Sequence, metadata: dict) -> ModelProto:
        """The graph as a model.

        Args:
            inputs, outputs (Sequence[tuple]): (name, TensorProto type, shape),
                an axis of any size by a name.
            metadata (dict[str, str]): For whoever loads it.
        """
        values = [
            [helper.make_tensor_value_info(*each) for each in side] for side in (inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, 'detector', *values, self.initializers)
        opset = helper.make_opsetid('', OPSET)
        model = helper.make_model(graph, producer_name='surge_mmdet', opset_imports=[opset])
        model.ir_version = 10
        helper.set_model_props(model, metadata)
        return model


def columns(g: Graph, x: str, count: int) -> tuple:
    """The columns of (N, count), each (N, 1)."""
    return g('Split', x, outputs=count, axis=1, num_outputs=count)


def tensor(value: np.ndarray) -> TensorProto:
    """An attribute that is a tensor."""
    return numpy_helper.from_array(value)
