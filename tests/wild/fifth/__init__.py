"""Packages of kinds that the checker had hardly met: quantum gates, power flows, materials, lenses,
radial grids, tensors, kernels, scores of distributions, cameras, rotations, expression trees.

Their cases were written before the checker was run on any of them: a fifth first look."""
