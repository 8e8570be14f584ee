"""Packages of other kinds again: tapes of arrays, likelihoods of ratings and of latent variables,
internal coordinates, robots, geophysics, quantum chemistry, option prices.

Their cases were written before the checker was run on any of them: a fourth first look."""
