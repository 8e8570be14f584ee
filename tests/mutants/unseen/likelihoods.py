"""Log-likelihoods and their scores, in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betaln, digamma, gammaln, logsumexp

from tests.mutants.unseen.form import of_loss

RNG = np.random.default_rng(2)
POSITIVE, UNIT, SHARES = (
    RNG.gamma(2.0, 1.0, 9),
    RNG.beta(2.0, 3.0, 9),
    RNG.dirichlet([2.0, 1, 3], 7),
)
REAL, X, Y = RNG.normal(size=9) * 2, RNG.normal(size=(9, 3)), (RNG.random(9) < 0.5).astype(float)
DIED, RISK = np.array([1.0, 0, 1, 1, 0, 1, 0, 1, 1]), np.tril(np.ones((9, 9)))
W, LAMBDA = RNG.normal(size=3), 0.3


def gamma(a, b):
    return jnp.sum(a * jnp.log(b) - gammaln(a) + (a - 1) * jnp.log(POSITIVE) - b * POSITIVE)


def gamma_score(a, b):
    da = jnp.sum(jnp.log(b) - digamma(a) + jnp.log(POSITIVE))
    return da, jnp.sum(a / b - POSITIVE)


def beta(a, b):
    return jnp.sum((a - 1) * jnp.log(UNIT) + (b - 1) * jnp.log1p(-UNIT) - betaln(a, b))


def beta_score(a, b):
    both = digamma(a + b)
    da = jnp.sum(jnp.log(UNIT) - digamma(a) + both)
    return da, jnp.sum(jnp.log1p(-UNIT) - digamma(b) + both)


def dirichlet(alpha):
    each = gammaln(alpha.sum()) - gammaln(alpha).sum()
    return jnp.sum(each + jnp.log(SHARES) @ (alpha - 1))


def dirichlet_score(alpha):
    n = len(SHARES)
    return n * (digamma(alpha.sum()) - digamma(alpha)) + jnp.log(SHARES).sum(axis=0)


def student(mu, s, nu):
    z = (REAL - mu) / s
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - jnp.log(nu) / 2
    return jnp.sum(constant - jnp.log(s) - (nu + 1) / 2 * jnp.log1p(z**2 / nu))


def student_score(mu, s, nu):
    z = (REAL - mu) / s
    w = (nu + 1) / (nu + z**2)
    constant = (digamma((nu + 1) / 2) - digamma(nu / 2) - 1 / nu) / 2
    dnu = constant - jnp.log1p(z**2 / nu) / 2 + w * z**2 / (2 * nu)
    return jnp.sum(w * z) / s, jnp.sum(w * z**2 - 1) / s, jnp.sum(dnu)


def mixture(means, logits):
    logs = jax.nn.log_softmax(logits) - (REAL[:, None] - means) ** 2 / (2 * 0.8**2)
    return jnp.sum(logsumexp(logs, axis=1))


def mixture_score(means, logits):
    weights = jax.nn.softmax(logits)
    gap = REAL[:, None] - means
    joint = weights * jnp.exp(-(gap**2) / (2 * 0.8**2))
    r = joint / joint.sum(axis=1, keepdims=True)
    return (r * gap).sum(axis=0) / 0.8**2, (r - weights).sum(axis=0)


def logistic(w):
    z = X @ w
    return jnp.mean(jax.nn.softplus(z) - Y * z) + LAMBDA / 2 * w @ w


def logistic_gradient(w):
    p = jax.nn.sigmoid(X @ w)
    return X.T @ (p - Y) / len(Y) + LAMBDA * w


def cox(w):
    """Partial likelihood; rows are in order of decreasing time, so that those at risk come first."""
    eta = X @ w
    return -jnp.sum(DIED * (eta - jnp.log(RISK @ jnp.exp(eta))))


def cox_gradient(w):
    hazard = jnp.exp(X @ w)
    mean = (RISK @ (hazard[:, None] * X)) / (RISK @ hazard)[:, None]
    return -(DIED[:, None] * (X - mean)).sum(axis=0)


def gaussian(mu, log_s):
    return jnp.sum(-log_s - ((REAL - mu) * jnp.exp(-log_s)) ** 2 / 2)


def gaussian_score(mu, log_s):
    z = (REAL - mu) * jnp.exp(-log_s)
    return jnp.sum(z) * jnp.exp(-log_s), jnp.sum(z**2 - 1)


def weibull(k, scale):
    t = POSITIVE / scale
    return jnp.sum(jnp.log(k / scale) + (k - 1) * jnp.log(t) - t**k)


def weibull_score(k, scale):
    t = POSITIVE / scale
    dk = jnp.sum(1 / k + jnp.log(t) * (1 - t**k))
    return dk, jnp.sum(k * (t**k - 1)) / scale


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_loss(
        gamma,
        gamma_score,
        (1.7, 0.9),
        ("gammaln for digamma", "digamma(a)", "gammaln(a)", "gamma|function itself|derivative of"),
        ("log b forgotten", "jnp.log(b) - digamma", "-digamma", TERM),
        ("rate for scale", "a / b - POSITIVE", "a * b - POSITIVE", "power|divi|multipl|1 / b|1/b|b²|reciprocal"),
    ),
    *of_loss(
        beta,
        beta_score,
        (2.1, 1.4),
        ("normaliser's sum", " - digamma(a) + both", " - digamma(a)", TERM),
        ("a for b", "digamma(b)", "digamma(a)", "place|instead|swap|a for b"),
        ("log of x, not of 1 − x", "jnp.log1p(-UNIT) - digamma(b)", "jnp.log(UNIT) - digamma(b)", "swap|place|instead|1 −"),
    ),
    *of_loss(
        dirichlet,
        dirichlet_score,
        (np.array([1.3, 0.8, 2.2]),),
        ("sum forgotten", "digamma(alpha.sum())", "digamma(alpha)", "sum|term"),
        ("once for all rows", "n * (digamma", "(digamma", "×|factor|sum|rows|term"),
        ("sign of the normaliser", "(digamma(alpha.sum()) - digamma(alpha))", "(digamma(alpha) - digamma(alpha.sum()))", SIGN),
    ),
    *of_loss(
        student,
        student_score,
        (0.4, 1.3, 4.0),
        ("inner derivative of the location", "jnp.sum(w * z) / s,", "jnp.sum(w * z),", r"factor|divi|1\.3|chain"),
        ("log s forgotten", "w * z**2 - 1)", "w * z**2)", TERM),
        ("sign of the location", "return jnp.sum(w * z)", "return -jnp.sum(w * z)", SIGN),
        ("nu inside the logarithm", " + w * z**2 / (2 * nu)", "", TERM),
    ),
    *of_loss(
        mixture,
        mixture_score,
        (np.array([-1.0, 0.5, 2.0]), np.array([0.2, -0.1, 0.4])),
        ("not normalised", "joint / joint.sum(axis=1, keepdims=True)", "joint", "normal|divi|logsumexp|softmax|sum"),
        ("variance forgotten", "/ 0.8**2, (r", ", (r", r"factor|variance|0\.64|divi|too small|too large|×"),
        ("softmax of the weights", "(r - weights).sum", "r.sum", TERM),
        ("normalised over rows", "joint.sum(axis=1, keepdims=True)", "joint.sum(axis=0)", "axis|normal"),
    ),
    *of_loss(
        logistic,
        logistic_gradient,
        (W,),
        ("penalty forgotten", " + LAMBDA * w", "", TERM),
        ("penalty twice", "LAMBDA * w", "2 * LAMBDA * w", "twice|factor|2 ×|half|term|penalty"),
        ("sum for mean", " / len(Y)", "", "mean|sum|average|×|divi|term"),
        ("slope of the sigmoid too many", "(p - Y)", "((p - Y) * p * (1 - p))", "sigmoid|slope|extra|one .*too many|twice"),
        ("labels the other way", "p - Y", "Y - p", "sign|minus|negat|term"),
    ),
    *of_loss(
        cox,
        cox_gradient,
        (W,),
        ("hazards forgotten in the mean", "(hazard[:, None] * X)", "X", r"\bexp|weight|factor"),
        ("censored ones count", "(DIED[:, None] * (X - mean))", "(X - mean)", "mask|where|factor|constant|DIED|weight|multipl"),
        ("everyone at risk", "(RISK @ hazard)[:, None]", "hazard.sum()", "axis|sum|cumul|risk|mask|divi|normal|denominator"),
        ("those at risk forgotten", "(X - mean)", "X", TERM),
    ),
    *of_loss(
        gaussian,
        gaussian_score,
        (0.3, 0.4),
        ("by s, not by log s", "z**2 - 1)", "z**2 - 1) * jnp.exp(-log_s)", r"\bexp|log|factor|chain|×"),
        ("minus one once, not per datum", "jnp.sum(z**2 - 1)", "jnp.sum(z**2) - 1", "sum|×|mean|term|factor|broadcast"),
    ),
    *of_loss(
        weibull,
        weibull_score,
        (1.4, 1.1),
        ("1 / k forgotten", "1 / k + jnp", "jnp", TERM),
        ("k in front", "jnp.sum(k * (t**k - 1))", "jnp.sum(t**k - 1)", r"factor|1\.4|×|power"),
        ("power's base differentiated", "(1 - t**k)", "(1 - t ** (k - 1))", "power|exponent"),
    ),
]  # fmt: skip
