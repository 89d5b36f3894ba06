"""Models with what makes cutting hard, one thing each."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as generated
from flatbuffers import flexbuffers

from tests.model.made import Graph, Made, floats

SSD_OPTIONS = {
    "max_detections": 3,
    "max_classes_per_detection": 1,
    "num_classes": 2,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
    "nms_score_threshold": 0.0,
    "nms_iou_threshold": 1.0,
    "use_regular_nms": False,
}


def flexbuffer(options: dict[str, float]) -> list[int]:
    """Custom options as a flexbuffer map, as converters write them."""
    return list(flexbuffers.Dumps(options))


def shared_weights() -> Made:
    """Two operators in different parts that read the same buffer, and one the same tensor."""
    made = Made()
    main = made.graph()
    buffer = made.buffer(np.array([[1, 2, 3, 4]], np.float32).tobytes())
    weight = main.tensor("w", buffer=buffer)
    a = main.add("a", main.input("input"), weight)
    b = main.add("b", a, main.tensor("w again", buffer=buffer))
    main.outputs.append(main.add("c", b, weight))
    return made


def optional_input() -> Made:
    """Two FULLY_CONNECTED without bias (-1)."""
    made = Made()
    main = made.graph()
    last = main.input("input")
    for name in ("a", "b"):
        weight = main.tensor(f"{name}/w", data=np.arange(16, dtype=np.float32).reshape(4, 4) / 7)
        out = main.tensor(name, (1, 4))
        options = generated.FullyConnectedOptionsT()
        main.operator("FULLY_CONNECTED", [last, weight, -1], [out], options)
        last = out
    main.outputs.append(last)
    return made


def with_state() -> Made:
    """RELU, SVDF with a variable tensor, RELU."""
    made = Made()
    main = made.graph()
    units, memory, size = 4, 3, 4
    first = main.relu("before", main.input("input", (1, size)), (1, size))
    feature = main.tensor(
        "feature", data=np.linspace(-1, 1, units * size, dtype=np.float32).reshape(units, size)
    )
    time = main.tensor(
        "time", data=np.linspace(0, 1, units * memory, dtype=np.float32).reshape(units, memory)
    )
    state = main.tensor("state", (1, units * memory), isVariable=True)
    out = main.tensor("svdf", (1, units))
    main.operator("SVDF", [first, feature, time, -1, state], [out], generated.SVDFOptionsT(rank=1))
    main.outputs.append(main.relu("after", out))
    return made


def shared_state() -> Made:
    """Two SVDF operators that share one variable tensor, with a RELU between them."""
    made = with_state()
    main = made.graphs[0]
    main.outputs.clear()
    out = main.tensor("svdf2", (1, 4))
    first = main.operators[1]
    inputs = [len(main.tensors) - 2, *first.inputs[1:]]
    main.operator("SVDF", inputs, [out], generated.SVDFOptionsT(rank=1))
    main.outputs.append(main.relu("end", out))
    return made


def several_outputs() -> Made:
    """SPLIT in two, one half goes on, both are outputs, one of them twice in the list."""
    made = Made()
    main = made.graph()
    source = main.relu("a", main.input("input", (1, 4)))
    axis = main.tensor("axis", data=np.array(1, np.int32))
    halves = [main.tensor("left", (1, 2)), main.tensor("right", (1, 2))]
    main.operator("SPLIT", [axis, source], halves, generated.SplitOptionsT(numSplits=2))
    last = main.relu("end", halves[0], (1, 2))
    main.outputs += [last, halves[0], halves[1], last]
    return made


def detection(threshold: float = 0.0) -> Made:
    """RELU before TFLite_Detection_PostProcess, whose outputs state no shape, ABS behind it.

    With a ``threshold`` of 0 every row is written; with more the ABS is left away.
    """
    made = Made()
    main = made.graph()
    boxes = main.relu("boxes", main.input("raw boxes", (1, 6, 4)), (1, 6, 4))
    scores = main.tensor("scores", (1, 6, 3))
    main.operator("LOGISTIC", [main.input("raw scores", (1, 6, 3))], [scores])
    anchors = main.tensor("anchors", data=np.linspace(0.1, 1, 24, dtype=np.float32).reshape(6, 4))
    outs = [main.tensor(f"found:{n}", ()) for n in range(4)]
    options = flexbuffer({**SSD_OPTIONS, "nms_score_threshold": threshold})
    kind = "TFLite_Detection_PostProcess"
    main.operator(kind, [boxes, scores, anchors], outs, customOptions=options)
    if threshold:
        main.outputs += outs
        return made
    absolute = main.tensor("size", ())
    main.operator("ABS", [outs[0]], [absolute])
    main.outputs += [absolute, *outs[1:]]
    return made


def control_flow() -> Made:
    """RELU, WHILE (add 1 until the sum of all reaches 100), IF inside it, RELU."""
    made = Made()
    main = made.graph()
    counting(made)
    first = main.relu("before", main.input("input"))
    out = main.tensor("counted", (1, 4))
    loop = generated.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=2)
    main.operator("WHILE", [first], [out], loop)
    main.outputs.append(main.relu("after", out))
    return made


def counting(made: Made) -> None:
    """The condition (subgraph 1), the body (2), and the branches (3, 4) of the body's IF."""
    condition, body, then, other = (made.graph(n) for n in ("cond", "body", "then", "else"))
    below(condition, 100.0)
    value = body.input("value", (1, 4))
    choice = below_in(body, value, 50.0)
    out = body.tensor("out", (1, 4))
    branch = generated.IfOptionsT(thenSubgraphIndex=3, elseSubgraphIndex=4)
    body.operator("IF", [choice, value], [out], branch)
    body.outputs.append(out)
    for graph, step in ((then, 1.0), (other, 7.0)):
        given = graph.input("given", (1, 4))
        graph.outputs.append(
            graph.add("more", given, graph.tensor("step", data=floats(*[step] * 4)))
        )


def below(graph: Graph, limit: float) -> None:
    """A condition subgraph: sum(value) < limit."""
    graph.outputs.append(below_in(graph, graph.input("value", (1, 4)), limit))


def below_in(graph: Graph, value: int, limit: float) -> int:
    """sum(value) < limit; the tensor that says so."""
    total, answer = graph.tensor("sum", ()), graph.tensor("below", (), "bool")
    axes = graph.tensor("axes", data=np.array([0, 1], np.int32))
    graph.operator("SUM", [value, axes], [total], generated.ReducerOptionsT(keepDims=False))
    bound = graph.tensor("limit", data=np.array(limit, np.float32))
    graph.operator("LESS", [total, bound], [answer], generated.LessOptionsT())
    return answer


def open_batch() -> Made:
    """[?, 4] through RELU and two FULLY_CONNECTED."""
    made = optional_input()
    main = made.graphs[0]
    for tensor in main.tensors:
        if not tensor.buffer:
            tensor.shapeSignature = [-1, 4]
    return made


def half_weights() -> Made:
    """Weights in float16, all DEQUANTIZEd first, one used by two operators."""
    made = Made()
    main = made.graph()
    source = main.input("input")
    wide: list[int] = []
    for number in range(2):
        stored = main.tensor(f"w{number}", data=np.array([[1, 2, 3, number]], np.float16))
        wide.append(main.tensor(f"w{number}/float", (1, 4)))
        main.operator("DEQUANTIZE", [stored], [wide[-1]], generated.DequantizeOptionsT())
    a = main.add("a", source, wide[0])
    b = main.add("b", a, wide[1])
    main.outputs.append(main.add("c", b, wide[0]))
    return made


def lookup() -> Made:
    """GATHER from a table of ten rows by an int32 input, RELU."""
    made = Made()
    main = made.graph()
    table = main.tensor("table", data=np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4))
    ids = main.input("ids", (1, 3), "int32")
    rows = main.tensor("rows", (1, 3, 4))
    main.operator("GATHER", [table, ids], [rows], generated.GatherOptionsT())
    main.outputs.append(main.relu("out", rows, (1, 3, 4)))
    return made


def resources() -> Made:
    """A resource variable: CALL_ONCE fills it, READ_VARIABLE reads it, an ADD uses it."""
    made = Made()
    main = made.graph()
    first = main.relu("before", main.input("input"))
    main.operator("CALL_ONCE", [], [], generated.CallOnceOptionsT(initSubgraphIndex=1))
    handle = main.tensor("handle", (1,), "resource")
    named = generated.VarHandleOptionsT(container=b"", sharedName=b"v")
    main.operator("VAR_HANDLE", [], [handle], named)
    value = main.tensor("value", (1, 4))
    main.operator("READ_VARIABLE", [handle], [value], generated.ReadVariableOptionsT())
    added = main.add("added", first, value)
    main.outputs.append(main.relu("after", added))
    start = made.graph("init")
    inside = start.tensor("handle", (1,), "resource")
    start.operator("VAR_HANDLE", [], [inside], named)
    constant = start.tensor("constant", data=floats(1, 2, 3, 4))
    start.operator("ASSIGN_VARIABLE", [inside, constant], [], generated.AssignVariableOptionsT())
    return made


def nameless() -> Made:
    """Three RELUs whose tensors have no name or the same."""
    made = Made()
    main = made.graph()
    a = main.relu("", main.input("same"))
    b = main.relu("same", a)
    main.outputs.append(main.relu("", b))
    return made


def unused_input() -> Made:
    """Two RELUs; a second input that nobody reads."""
    made = Made()
    main = made.graph()
    first = main.input("input")
    main.input("unused", (1, 2), "int32")
    main.outputs.append(main.relu("b", main.relu("a", first)))
    return made


def varying() -> Made:
    """WHERE gives as many rows as its input has true elements; ABS behind it."""
    made = Made()
    main = made.graph()
    mask = main.tensor("mask", (1, 4), "bool")
    zero = main.tensor("zero", data=np.array(0, np.float32))
    main.operator("GREATER", [main.input("input"), zero], [mask], generated.GreaterOptionsT())
    places = main.tensor("places", (1, 2), "int64", shapeSignature=[-1, 2])
    main.operator("WHERE", [mask], [places], generated.WhereOptionsT())
    out = main.tensor("out", (1, 2), "int32", shapeSignature=[-1, 2])
    main.operator("CAST", [places], [out], generated.CastOptionsT(outDataType=2, inDataType=4))
    main.outputs.append(out)
    return made
