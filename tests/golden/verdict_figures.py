"""Prints the figures that the tests of src/verdict hold (scipy, statsmodels)."""
import numpy as np, math
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import TTestPower, tt_ind_solve_power

A = [.955, .948, .962, .930, .970, .951, .944, .966, .958, .939]
B = [.978, .969, .981, .960, .985, .972, .975, .983, .979, .966]
C = [.953, .957, .949, .941, .968, .960, .951, .955, .967, .934]
D = [.981, .950, .984, .967, .979, .921]
a, b, c, d = map(np.array, (A, B, C, D))
def show(name, *v): print(f"{name}:", *[repr(float(x)) for x in v])
for name, x, y in [("b against a", a, b), ("c against a", a, c), ("3 seeds", a[:3], b[:3]), ("2 seeds", a[:2], b[:2])]:
    r = stats.ttest_rel(y, x); ci = r.confidence_interval()
    diff = y - x
    show("paired " + name, diff.mean(), ci.low, ci.high, r.pvalue)
    es = diff.mean() / diff.std(ddof=1)
    try: show("   seeds", TTestPower().solve_power(effect_size=es, alpha=.05, power=.8))
    except Exception as e: print("   seeds", e)
for name, x, y in [("d against a", a, d), ("a against b", b, a), ("2 of d against 3 of a", a[:3], d[:2])]:
    r = stats.ttest_ind(y, x, equal_var=False); ci = r.confidence_interval()
    show("welch " + name, y.mean() - x.mean(), ci.low, ci.high, r.pvalue, r.df)
    es = (y.mean() - x.mean()) / math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)
    show("   seeds", tt_ind_solve_power(effect_size=es, alpha=.05, power=.8))
rng = np.random.default_rng(0)
for name, x, y in [("b a", a, b), ("c a", a, c), ("3 seeds", a[:3], b[:3])]:
    r = stats.bootstrap(((y - x),), np.mean, n_resamples=200_000, method="BCa", rng=rng, batch=10_000)
    show("bootstrap paired " + name, *r.confidence_interval)
for name, x, y in [("d a", a, d), ("a b", b, a)]:
    r = stats.bootstrap((x, y), lambda x, y, axis: y.mean(axis) - x.mean(axis), n_resamples=200_000, method="BCa", rng=rng, batch=10_000)
    show("bootstrap independent " + name, *r.confidence_interval)
print("holm", list(multipletests([.01, .04, .03, .005, .2, .04], method="holm")[1]))
print("holm2", list(multipletests([.5, .9, .7], method="holm")[1]))
for x, y in [(0, 0), (5, 0), (6, 0), (12, 3), (7, 7), (40, 25), (300, 220), (1, 0), (6000, 6300), (499_000, 501_000), (0, 2000)]:
    print("mcnemar", x, y, repr(float(mcnemar([[0, x], [y, 0]], exact=True).pvalue)) , repr(min(1., 2*float(stats.binom.cdf(min(x, y), x + y, .5)))))
for n in [2, 3, 5, 10, 50, 1000]:
    u = np.longdouble(0)
    from scipy.integrate import quad
    show(f"max of {n}", quad(lambda x: x * n * stats.norm.pdf(x) * stats.norm.cdf(x)**(n-1), -10, 12, epsabs=1e-13, limit=500)[0], stats.norm.ppf(.95**(1/n)))
for es in [5, 2, 1.5, 1, .5, .2, .1, .09, .088]:
    print("power", es, TTestPower().solve_power(effect_size=es, alpha=.05, power=.8), tt_ind_solve_power(effect_size=es, alpha=.05, power=.8))
for df in [1, 1.0003, 1.5, 2, 3.7, 9, 17.3, 100, 1998, 10000]: show(f"t.975 {df}", stats.t.ppf(.975, df))
for x, df, nc in [(12.706, 1, 5), (12.706, 1, 20), (2.262, 9, 3.1), (-2.262, 9, 3.1), (2.262,9,-3.1), (1.97, 500, 2.8), (4.3,2,30), (4.3, 2, 0.0)]: show(f"nct {x} {df} {nc}", stats.nct.cdf(x, df, nc) if nc else stats.t.cdf(x,df))
