"""Give a submodel the signature of the model it comes from, for its own inputs and outputs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from edgechain.model.names import free_name, main_signature
from edgechain.model.schema import ModelT, SignatureDefT, TensorMapT


def sign(model: ModelT, names: Mapping[int, str]) -> ModelT:
    """The same model whose main signature says what its main subgraph now takes and gives.

    Inputs and outputs of the whole model keep the names the whole model's signature has for
    them; boundary tensors are called by ``names`` (tensor index to unique name). A model without
    a signature stays without. Signatures of other subgraphs, and further ones of the main
    subgraph, are dropped: they are entries to what is no longer there.
    """
    whole = main_signature(model)
    signed = copy.copy(model)
    signed.signatureDefs = []
    if whole is not None:
        main = model.subgraphs[0]
        own = SignatureDefT(
            inputs=_ports(main.inputs, whole.inputs, names),
            outputs=_ports(main.outputs, whole.outputs, names),
            signatureKey=whole.signatureKey,
            subgraphIndex=0,
        )
        signed.signatureDefs = [own]
    return signed


def _ports(
    tensors: Iterable[int], whole: Iterable[TensorMapT], names: Mapping[int, str]
) -> list[TensorMapT]:
    listed = list(tensors)
    kept = [port for port in whole if port.tensorIndex in listed]
    named = {port.tensorIndex for port in kept}
    taken = {bytes(port.name or b"").decode("utf-8", "replace") for port in kept}
    ports = [copy.copy(port) for port in kept]
    for index in listed:
        if index not in named:
            name = free_name(names[index], taken)
            taken.add(name)
            ports.append(TensorMapT(name=name.encode(), tensorIndex=index))
    return ports
