"""A loop over batches in Python, as users of JAX and of PyTorch write it; returns the losses."""

import copy

import numpy as np


def by_jax(step, begin, batches):
    """step(carry, *batch) -> carry, loss, compiled; the carry's memory is used again."""
    import jax
    import jax.numpy as jnp

    compiled = jax.jit(step, donate_argnums=0)

    def run():
        carry, losses = jax.tree.map(jnp.copy, begin), []
        for batch in batches:
            carry, loss = compiled(carry, *batch)
            losses.append(loss)
        return np.asarray(jnp.stack(losses))

    return run


def by_torch(net, make, batches, compiled):
    """The net by an optimizer make(parameters), its loss the cross-entropy."""
    import torch
    from torch import nn

    criterion, begin = nn.CrossEntropyLoss(), copy.deepcopy(net.state_dict())

    def forward(x, labels):
        return criterion(net(x), labels)

    forward = torch.compile(forward) if compiled else forward

    def run():
        net.load_state_dict(begin)
        update, losses = make(net.parameters()), []
        for x, labels in batches:
            update.zero_grad()
            loss = forward(x, labels)
            loss.backward()
            update.step()
            losses.append(loss.detach())
        return torch.stack(losses).numpy()

    return run
