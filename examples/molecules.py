"""SMILES: python molecules.py model.onnx 7 logp=2.5"""

import numpy as np
from consume import fed, opened, uniform

session, about, seed, values = opened()
seeds = range(seed, seed + 10)
longest = next(each.shape[1] for each in session.get_inputs() if each.name == "u")
numbers = uniform(seeds, 1000 + np.arange(longest))
(rows,) = session.run(["tokens"], {**fed(about, seeds, values), "u": numbers})
tokens = about["decoding"]["tokens"]
for row in rows:
    print("".join(tokens[i] for i in row if not tokens[i].startswith("<")))
