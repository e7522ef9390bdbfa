"""Prices the visits of `tidemark bench margin` with Vowpal Wabbit.

usage: margin_peer.py squarecb | cats

A JSON object a line. Asked: {"learn": [{"id", "margin", "units"}], "decide": [{"id", "user", "item", "title",
"category", "brand", "price", "cost", "context"}], "depths": [...]}. Answered: {"actions": [index of depths]}.

squarecb: --cb_explore_adf --squarecb, an action for each depth, crossed with all that is known of the visit.
cats: --cats, a depth from a continuous policy, rounded to the nearest of the grid.
The cost of a visit is its margin over the list price, so that dear items do not drown the rest.
"""

import json
import math
import random
import sys

from vowpalwabbit import Workspace

SETTINGS = {
    "squarecb": "--cb_explore_adf --squarecb -q UA -q IA -q CA -b 20 --random_seed 7 --quiet",
    "cats": "--cats 11 --bandwidth 0.05 --min_value 0 --max_value 0.5 -q UI -q CI -b 20 --random_seed 7 --quiet",
}


def clean(text):
    return "".join(c if c.isalnum() else "_" for c in str(text))


def features(visit):
    context = " ".join(f"{clean(k)}_{clean(v)}" for k, v in sorted(visit["context"].items()))
    words = " ".join("w_" + clean(w) for w in visit["title"].lower().split())
    cost = visit.get("cost")
    margin = (visit["price"] - cost) / visit["price"] if cost is not None else 0
    return (
        f"|U u_{clean(visit['user'])} |C {context} |I i_{clean(visit['item'])} c_{clean(visit['category'])} "
        f"b_{clean(visit['brand'])} margin:{margin:.3f} price:{math.log(visit['price']):.3f} {words}"
    )


class SquareCB:
    def __init__(self, workspace):
        self.workspace = workspace
        self.random = random.Random(7)

    def example(self, visit, depths, label=""):
        lines = ["shared " + features(visit)]
        for index, depth in enumerate(depths):
            own = label if label.startswith(f"{index}:") else ""
            own = "0:" + own.split(":", 1)[1] + " " if own else ""
            lines.append(f"{own}|A d_{index} depth:{-math.log(1 - depth):.4f}")
        return self.workspace.parse("\n".join(lines), 2)

    def decide(self, visit, depths):
        shares = self.workspace.predict(self.example(visit, depths))
        left = self.random.random() * sum(shares)
        for index, share in enumerate(shares):
            left -= share
            if left < 0:
                break
        return index, shares[index] / sum(shares)

    def learn(self, visit, depths, index, share, cost):
        self.workspace.learn(self.example(visit, depths, f"{index}:{cost}:{share}"))


class Cats:
    def __init__(self, workspace):
        self.workspace = workspace

    def decide(self, visit, depths):
        depth, density = self.workspace.predict(features(visit))
        return min(range(len(depths)), key=lambda i: abs(depths[i] - depth)), (depth, density)

    def learn(self, visit, depths, index, drawn, cost):
        depth, density = drawn
        self.workspace.learn(f"ca {depth}:{cost}:{density} {features(visit)}")


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in SETTINGS:
        sys.exit(__doc__)
    workspace = Workspace(SETTINGS[sys.argv[1]])
    policy = {"squarecb": SquareCB, "cats": Cats}[sys.argv[1]](workspace)
    pending = {}
    for line in sys.stdin:
        question = json.loads(line)
        depths = question["depths"]
        for outcome in question["learn"]:
            known = pending.pop(outcome["id"])
            if known is not None:
                visit, index, drawn = known
                policy.learn(visit, depths, index, drawn, -outcome["margin"] / visit["price"])
        actions = []
        for visit in question["decide"]:
            if visit.get("cost") is None:
                # Without a cost the shop gives no discount to anybody.
                pending[visit["id"]] = None
                actions.append(0)
                continue
            index, drawn = policy.decide(visit, depths)
            pending[visit["id"]] = (visit, index, drawn)
            actions.append(index)
        print(json.dumps({"actions": actions}), flush=True)


main()
