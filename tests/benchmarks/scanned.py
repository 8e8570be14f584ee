"""Training of a peer in one compiled scan: autodiff of JAX, and an optimizer of optax."""


def optax_losses(apply, update):
    """(params, state), x, labels, order (steps, rows) -> the loss of each step, compiled.

    apply(params, x) gives logits, and `update` is the optimizer.
    """
    import jax
    import optax

    def value(params, x, labels):
        losses = optax.softmax_cross_entropy_with_integer_labels(apply(params, x), labels)
        return losses.mean()

    @jax.jit
    def losses(carry, x, labels, order):
        def step(carry, places):
            params, state = carry
            loss, grads = jax.value_and_grad(value)(params, x[places], labels[places])
            updates, state = update.update(grads, state, params)
            return (optax.apply_updates(params, updates), state), loss

        return jax.lax.scan(step, carry, order)[1]

    return losses
