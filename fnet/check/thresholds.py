"""The checker's numbers, each with what it decides and why it has its value.

They are read when they are used, so that a test can change one: `tests/test_check_thresholds.py`
holds, for each, a case whose verdict it decides.
"""

# --- Comparison: when two arrays are equal -------------------------------------------------------

# An entry further than this from the expected one, relative to it, is wrong: half of float64's
# digits, which conditioning rarely costs, while mistakes of a formula are larger.
RTOL = 1e-7
# So much of the largest entry of its array is rounding error: entries whose terms cancel are only
# as precise as the terms, by some thousands of units in the last place.
ATOL = 1e-12
# Numbers below are zero: XLA flushes subnormal numbers, NumPy does not.
TINY = 2.0**-1022
# float64's machine epsilon, from which every estimate of rounding error begins.
EPSILON = 2.0**-52
# A dtype whose epsilon is larger is narrow, and widens the tolerances; float64's is 2.2e-16.
NARROW = 1e-15
# RTOL where a narrow dtype is on the way, in its epsilons: float32 yields 2e-4, bfloat16 the most.
NARROW_RTOL = 2e3
# ATOL in the same units: rounding errors of sums of thousands of terms.
NARROW_ATOL = 64.0
# No dtype may cost more than this of an entry: else a factor of two would be called rounding.
NARROW_MOST = 0.1
# ATOL where the caller states an rtol, as a share of that: more than ATOL is of RTOL, since the
# error of a solver is one of the whole array.
STATED_ATOL = 1e-3
# A relative error below is rounding and is not analysed: a thousandth of RTOL.
EXACT = 1e-10

# --- Cancellation: when a difference is rounding error -------------------------------------------

# Of the natural size of a gradient, |dout| |out| / |x|, this much is rounding where it cancels:
# hundreds of units in the last place.
CANCELLED = 1e-13
# More of the natural size is never rounding error, whatever perturbed arguments seem to say.
NEVER_ROUNDING = 1e-9
# Where rounding the input moves an output by more of its size, no digit of its gradient can be
# held against anyone: a comparison needs three.
UNDETERMINED = 1e-3
# How often the effect of one unit in the last place that a result may be off by: a few operations
# are rounded, most of them not all in one direction.
ROUNDING = 8.0
# A cotangent of which more is the checker's own, and no user's: overflow for it alone says nothing.
LARGE_COTANGENT = 1e6
# Copies of a point, perturbed by rounding, whose largest effect counts: three rarely all miss it.
PERTURBED = 3
# Units in the last place by which such a copy is perturbed at most: what the code that made the
# arguments may have left.
PERTURBATION = 2
# Runs of a program with each operation perturbed: as with the copies of a point.
SHAKEN = 3
# The errors of the entries of one array are sin(OMEGA i² + φ): no multiple of π, so that they never
# repeat, and do not average out.
OMEGA = 12.9898
# Phases φ for the operations of a program, used in turn: a prime, with which no loop is in step.
PHASES = 97

# --- Differences: the truth without autodiff -----------------------------------------------------

# The first step along a direction of the size of an entry: large, since extrapolation removes the
# curvature, and rounding error is least.
FIRST_STEP = 0.125
# The first step of the second tableau, as a share of the first: neither a power of 2, nor near one,
# so that the two have no step in common.
SECOND_STEP = 0.61
# Steps of a tableau, each half of the one before: the last is 3e-5, below which rounding wins.
HALVINGS = 13
# The error bar in estimated errors: the estimate is the last change, which may be small by luck.
SAFETY = 8.0
# A value is ruled out where it is further outside of an interval than so many times its width.
RULED_OUT = 10.0
# An interval is decisive, and no more is asked, if its width is so small a share of its size …
DECISIVE_WIDTH = 1e-6
# … and the value is so many times the width away.
DECISIVE_DISTANCE = 1e3
# Factors of the steps where differences do not agree: the function may bend within the first ones.
# Below 1e-6, steps vanish in rounding.
SMALLER_STEPS = (1e-2, 1e-4, 1e-6)
# From one of these steps to the next a slope that is infinite grows by more: that of x log x by a
# half at the last.
STEEPER = 1.2
# Smaller steps decide if their interval is so narrow, relative to the value: they are noisy.
RESOLVED = 1e-3
# The same where there is no autodiff to agree with: a wide interval would excuse a mistake.
RESOLVED_ALONE = 1e-6
# Of a derivative of 0, where autodiff has no answer, this share of the cotangent is the size.
RESOLVED_OF_COTANGENT = 1e-3
# How far beside an entry, relative to its size, a value must be finite: next to it, and still a
# number that differs.
BESIDE = 2.0**-15
# Entries of a cotangent that are examined one by one, at most: beyond it takes seconds an entry.
PARTS = 200
# Entries of the arguments from which on a program of many steps is compiled: there, evaluating
# costs more than compiling.
COMPILED_FROM = 4096
# Steps of a loop, such as a polynomial's, up to which it is evaluated as if it were unrolled.
FEW_STEPS = 32

# --- The given point: how much of it is compared, and what differences may excuse ----------------

# Cotangents of each kind, random and of one entry: the second one catches what the first misses.
COTANGENTS = 2
# Entries at which differences are asked about a disagreement with autodiff: a mistake shows at the
# largest, a convention at each.
ASKED = 6
# A disagreement by this share of an entry is more than rounding error, even in bfloat16.
LARGE = 0.1
# Intervals are widened by this share of their size: slopes at kinks are often exact.
SLACK = 1e-9
# Outputs for which entries that are tied are moved together: each costs a tableau.
TIED = 20
# Entries of an array compared with differences where autodiff agrees with all: samples, for what is
# hidden from autodiff is hidden from whole arrays.
SAMPLED = 8
# The same where neither autodiff nor a direction decides: a few seconds' worth.
SAMPLED_ALONE = 200
# The same where a direction is wrong, so that the wrong entry is among them.
SAMPLED_WRONG = 2000
# Points that are tried until a direction decides.
TRIES = 3
# Along a direction, this share of the sum of magnitudes is rounding: terms of both signs cancel.
ALONG = 1e-11
# A direction is right only if its interval is so narrow, as a share of that sum: a wide one would
# hide the mistake of one entry among thousands.
ALONG_WIDTH = 1e-4
# So much of |dout| |direction| belongs to that sum: else a gradient of zeros is never resolved.
ALONG_REACH = 1e-6
# Arguments are moved by this share to see a gradient's own noise: too little to change it.
ASIDE = 1e-12
# Samples of the noise of a gradient.
NOISY = 5
# A gradient is as precise as so many times its noise: five samples do not show the largest.
NOISE = 8.0
# The distance of a point near by, relative to an entry: far enough to part ties and to leave a
# kink, near enough to remain in the function's domain.
RADIUS = 0.05
# Its share that is added relative to a typical entry, so that zeros move too, though less.
RADIUS_ADDED = 0.2
# The factor by which the radius shrinks while the function is not finite there …
SHRINK = 0.1
# … and how often: down to 5e-6, beyond which a point is not near but the same.
SHRINKS = 5

# --- Elsewhere: what is certain at points that nobody gave ---------------------------------------

# Factors of an argument at extreme points: exponentials are linear at a millionth …
TINY_FACTOR = 1e-6
# … saturate at ten times …
TENFOLD = 10
# … and overflow at a thousand times.
HUGE_FACTOR = 1e3
# What is added to an argument far from zero: a mean a thousand times the deviations.
FAR = 1e3
# Powers of ten to either side that entries of many sizes span: to TINY_FACTOR of the largest.
DECADES = 3
# Points drawn from a domain that is given as a function.
DRAWN = 3
# Entries of which one must be certain: the largest disagreements.
CERTAIN_OF = 4
# The width of an interval that settles it, as a share of the disagreement.
CERTAIN_WIDTH = 1e-3
# How close autodiff must be to the interval, as a share of the disagreement: two truths agree far
# better with each other than with what they refute.
AGREES = 1e-2
# How far outside of the two slopes of a kink is wrong, as a share of their distance.
BEYOND_SLOPES = 0.1
# Less of an entry than this is what an approximation may be off by, far from its range: no finding.
COARSE = 1e-3
# The same of the largest entry: an approximation is as good as its array, not as each entry.
COARSE_OF_LARGEST = 1e-4
# On the way from the given point a gradient that is off by less of its size is still right …
STILL_RIGHT = 1e-10
# … and by more is already wrong: what is approximate passes slowly from one to the other.
ALREADY_WRONG = 1e-7
# The second where differences alone tell, which are less precise.
ALREADY_WRONG_ALONE = 1e-3
# The first there.
STILL_RIGHT_ALONE = 1e-4
# Where the way is cut in two: not at one half, which is the zero between x and −x.
CUT = 0.487
# Cuts of the way: 30 find where it becomes wrong to a billionth …
CUTS = 30
# … and 8, each with differences, to half a percent.
CUTS_ALONE = 8
# How much earlier on the way it must still be right: less than what is gradual takes.
BEFORE = 1e-3
# The same with fewer cuts.
BEFORE_ALONE = 0.05
# A gradient jumps by itself where it changes by more than so many times the function's derivative;
# where both jump, the function is clipped, which is for its author to judge.
JUMP = 10.0
# The share of its jump by which it must be off after it: else it jumps to the right value.
JUMP_OFF = 0.5

# --- Domains: what an array shows ----------------------------------------------------------------

# How far from 1 the sum of a row of probabilities may be: those in float32 are.
SUMMED = 1e-6
# How far from the ends of an open interval points are kept, as a share of its width: closer ones
# are extreme themselves.
INSIDE = 1e-3
# A matrix is symmetric where its two halves differ by no more than rounding error …
SYMMETRIC = 1e-12
# … and definite where its least eigenvalue is a larger share of the largest than that.
DEFINITE = 1e-12

# --- Laws: linearity, jit, vmap, rows ------------------------------------------------------------

# Results of one law further apart than this of the size of their array break it: they are sums of
# the same terms in another order.
LAW_RTOL = 1e-9
# The same in a narrow dtype's epsilons: sums of thousands of terms.
LAW_EPSILONS = 100
# The share of a gradient's natural size that belongs to that size: hundreds of units in the last
# place where terms cancel, by LAW_RTOL of it.
LAW_NATURAL = 1e-4
# Compiled code that differs by so many times LAW_RTOL is no rounding: a thousandth.
LAW_FAR = 1e6
# The factor of the second point under vmap: another number, and still near.
LAW_SECOND = 1.5
# The factor of the arguments of a second forward pass, which must not change a cache.
LAW_ANOTHER = 1.001

# --- Precision: in float32 and bfloat16 ----------------------------------------------------------

# A gradient may be so many times as far off as autodiff's own …
WORSE = 8.0
# … and so many units in the last place of the largest entry, or effects of rounded arguments: sums
# in another order.
UNITS = 16.0
# … and, in code written elsewhere, may lose this share of its digits: such code is rarely written
# for precision in float32, and half of them suffice for training.
LOST = 0.5
# Samples of rounded arguments: their largest effect counts.
ROUNDED = 8
# Random perturbations, repeated in long arrays, since XLA takes seconds to draw as many as entries:
# a prime, so that rows do not repeat.
SHARES = 4093
# Further points at which autodiff's error is measured, since it may be lucky at one …
NEARBY = 6
# … and their distance, relative to an entry: autodiff's error is alike there.
AROUND = 2.0**-6

# --- Users' functions: what they are -------------------------------------------------------------

# Operations of a NumPy function that is lifted into JAX: of more, XLA compiles for seconds.
LIFTED = 300
# The same of a backward pass, which has a few for each of the forward pass.
LIFTED_BACKWARD = 4 * LIFTED
# How far a lifted function's results may be from its own, relatively: another order of operations …
LIFTED_RTOL = 1e-9
# … or so many units in the last place of the narrowest dtype.
LIFTED_UNITS = 64
# The factor of the second point at which they must agree: exact, and near the first.
LIFTED_SECOND = 1.0625
# Two ways to call a backward pass agree where their results do so, relatively: to more digits than
# two meanings of the arguments would.
ALIKE = 1e-6
# Two forward passes on equal arguments return equal numbers, relatively: threads add up in any
# order.
STEADY = 1e-9
# The step, relative to 1 + |x|, at which a derivative f'(x) is told from one of the output …
PROBING_STEP = 1e-6
# … which it is if it is so many times as near to the difference: far more than chance.
NEARER = 0.1
# The seed of the cotangents to try a backward pass with: not one that drew the arguments too.
SEED = 7919

# Of two outputs of a function of JAX, one may be the gradient of the other: if it and the gradient
# have this cosine, that is but for a factor …
SAME_DIRECTION = 0.999
# … or if it is as close as this, relative to it; another output is so by chance alone.
SAME_SIZE = 0.1

# --- Effort: how long and how much ---------------------------------------------------------------

# Seconds for an examination, where its caller states none: what one waits for.
LIMIT = 20.0
# The share of them that is kept for the explanation of what was found.
RESERVED = 0.25
# Calls of the interpreter after which an interruption has arrived.
INTERRUPTED = 100
# Steps of a loop with a condition: a second's worth, which solvers that converge do not need.
LOOP_STEPS = 100_000
# Subjects whose compiled programs are kept: a long notebook.
PROGRAMS = 64
# Rows of a drawing of wrong entries …
ROWS = 12
# … and its columns: what a terminal holds beside the words.
COLUMNS = 48
# Characters of an expression of the user's code in a message: on one line with its place.
EXPRESSION = 60
