"""Packages of kinds that the checker had hardly met: quantum gates, power flows, materials, surfaces
of lenses, radial grids, spectra, kernels, regressions of distributions, cameras, Lie groups, audio.

Their cases were written before the checker was run on any of them: a fifth first look."""
