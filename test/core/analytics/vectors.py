"""Writes vectors.json: intervals by GrowthBook's gbstats, distributions by scipy.

gbstats of growthbook/growthbook at 8f1db4456915a8e7b7faf23d5632ca7219d2f469 (packages/stats), scipy 1.17.1:
    PYTHONPATH=growthbook/packages/stats python vectors.py > vectors.json
"""
import json, sys
import numpy as np
from scipy.stats import chisquare, t, chi2
from gbstats.frequentist.tests import TwoSidedTTest, SequentialTwoSidedTTest, FrequentistConfig, SequentialConfig
from gbstats.models.statistics import SampleMeanStatistic, ProportionStatistic
rng = np.random.default_rng(12)
out = {"intervals": [], "sampleRatio": [], "students": []}
def vec(name, a, b, alpha, tuning, sa, sb):
    row = {"name": name, "alpha": alpha, "tuning": tuning, "control": a, "arm": b}
    for kind in ("absolute", "relative"):
        f = TwoSidedTTest([(sa, sb)], FrequentistConfig(difference_type=kind, alpha=alpha)).compute_result()
        s = SequentialTwoSidedTTest([(sa, sb)], SequentialConfig(difference_type=kind, alpha=alpha, sequential_tuning_parameter=tuning)).compute_result()
        row[kind] = {"estimate": f.expected, "fixed": list(f.ci), "anytime": list(s.ci)}
    out["intervals"].append(row)
for i, (na, nb, pa, pb) in enumerate([(120, 131, .1, .12), (1000, 980, .05, .06), (5000, 5000, .2, .19), (40000, 41000, .013, .0142), (250000, 125000, .31, .312)]):
    ka, kb = int(na*pa), int(nb*pb)
    for alpha, tuning in ((.05, 5000), (.025, 5000), (.01, 20000)):
        vec(f"conversion {i}", {"units": na, "sum": ka, "sumOfSquares": ka}, {"units": nb, "sum": kb, "sumOfSquares": kb}, alpha, tuning, ProportionStatistic(n=na, sum=ka), ProportionStatistic(n=nb, sum=kb))
for i, (na, nb, ma, mb) in enumerate([(200, 210, 3., 3.4), (3000, 2900, 12.5, 12.9), (60000, 59000, 1.2, 1.21)]):
    xa = np.round(rng.exponential(ma, na), 2); xb = np.round(rng.exponential(mb, nb), 2)
    ca, cb = np.round(xa*100).astype(int), np.round(xb*100).astype(int)
    a = {"units": na, "sum": int(ca.sum())/100, "sumOfSquares": int((ca**2).sum())/10000}
    b = {"units": nb, "sum": int(cb.sum())/100, "sumOfSquares": int((cb**2).sum())/10000}
    for alpha, tuning in ((.05, 5000), (.025, 1000)):
        vec(f"sum {i}", a, b, alpha, tuning, SampleMeanStatistic(n=na, sum=a["sum"], sum_squares=a["sumOfSquares"]), SampleMeanStatistic(n=nb, sum=b["sum"], sum_squares=b["sumOfSquares"]))
for observed, weights in [([5210, 4790], [1, 1]), ([5030, 4970], [1, 1]), ([100, 0], [1, 1]), ([333, 340, 327], [1, 1, 1]), ([9000, 1100], [9, 1]), ([120000, 119000, 61000], [2, 2, 1]), ([8, 8], [1, 1]), ([1000, 1203, 980, 1010], [1, 1, 1, 1]), ([30500, 29500], [1, 1])]:
    e = np.array(weights)/sum(weights)*sum(observed)
    r = chisquare(observed, e)
    out["sampleRatio"].append({"observed": observed, "weights": weights, "chiSquare": float(r.statistic), "p": float(r.pvalue)})
for x, k in [(0.1, 1), (3.84, 1), (10.83, 1), (80., 1), (0.5, 19), (40., 19), (7.8, 3), (300., 5)]:
    out["sampleRatio"].append({"observed": [], "weights": [], "chiSquare": x, "degrees": k, "p": float(chi2.sf(x, k))})
for p, dof in [(.975, 3.), (.975, 12.7), (.975, 249.3), (.9875, 1978.), (.995, 99000.), (.975, 1e6), (.9975, 30.)]:
    out["students"].append({"p": p, "dof": dof, "quantile": float(t.ppf(p, dof))})
json.dump(out, sys.stdout, indent=1)
