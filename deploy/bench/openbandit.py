"""Both sides of deploy/bench/openbandit, which sets up what this needs and calls it."""
import argparse, importlib.util, json, pathlib, subprocess, sys, types

import numpy
import pandas
from sklearn.linear_model import LogisticRegression

CAMPAIGNS = {"men": "told", "all": "told", "women": "refused"}


def load_obp():
    """The package's estimators alone: its other parts want PyTorch and pictures."""
    folder = pathlib.Path(importlib.util.find_spec("obp").origin).parent
    torch = types.ModuleType("torch")
    torch.Tensor = type("Tensor", (), {})
    sys.modules.setdefault("torch", torch)
    for name in ("ope", "policy"):
        package = types.ModuleType(f"obp.{name}")
        package.__path__ = [str(folder / name)]
        sys.modules[f"obp.{name}"] = package
    from obp.ope import estimators, regression_model
    return folder, estimators, regression_model


class Log:
    def __init__(self, folder, policy, campaign):
        path = folder / "dataset" / "obd" / policy / campaign / f"{campaign}.csv"
        data = pandas.read_csv(path, index_col=0).sort_values("timestamp", kind="stable")
        self.times = pandas.to_datetime(data.timestamp, utc=True, format="mixed")
        self.action = data.item_id.to_numpy()
        self.position = data.position.rank(method="dense").to_numpy().astype(int) - 1
        self.reward = data.click.to_numpy()
        self.pscore = data.propensity_score.to_numpy()
        self.context = pandas.get_dummies(
            data.loc[:, data.columns.str.contains("user_feature")], drop_first=True
        ).to_numpy().astype(float)

    def write(self, path):
        """As outcome rows: an item is an action, and stands in the place of a discount in percent."""
        with path.open("w") as file:
            for row, time in enumerate(self.times):
                file.write(json.dumps({
                    "type": "outcome", "event_id": f"r{row}", "ts": int(time.timestamp() * 1000),
                    "user_id": f"r{row}", "item_id": f"position-{self.position[row]}",
                    "price": 100, "discount": int(self.action[row]) / 100,
                    "propensity": float(self.pscore[row]), "purchased": bool(self.reward[row]),
                }) + "\n")


def ours(program, work, campaign, log, actions):
    events, policy = work / f"{campaign}.jsonl", work / f"uniform-{actions}.jsonl"
    log.write(events)
    policy.write_text(json.dumps({
        "actions": [{"discount": a / 100, "probability": 1 / actions} for a in range(actions)]
    }) + "\n")
    done = subprocess.run(
        [program, "ope", "--events", events, "--policy", f"file:{policy}", "--reward", "conversion",
         "--json"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["result"]["policies"][0]


def theirs(estimators, regression_model, log, actions):
    positions = int(log.position.max()) + 1
    uniform = numpy.full((len(log.reward), actions, positions), 1 / actions)
    common = dict(reward=log.reward, action=log.action, position=log.position)
    # Predictions by three folds, as the package's documentation has them.
    model = regression_model.RegressionModel(
        n_actions=actions, len_list=positions,
        base_model=LogisticRegression(max_iter=1000, random_state=1))
    predicted = model.fit_predict(
        context=log.context, pscore=log.pscore, n_folds=3, random_state=1, **common)
    found = {}
    for name, estimator in (
        ("ips", estimators.InverseProbabilityWeighting()),
        ("snips", estimators.SelfNormalizedInverseProbabilityWeighting()),
        ("dr", estimators.DoublyRobust()),
    ):
        given = dict(common, pscore=log.pscore, action_dist=uniform,
                     estimated_rewards_by_reg_model=predicted)
        interval = estimator.estimate_interval(
            alpha=0.05, n_bootstrap_samples=1000, random_state=1, **given)
        ends = {key.split()[-1].strip("()"): value for key, value in interval.items()}
        found[name] = {"mean": float(estimator.estimate_policy_value(**given)),
                       "low": float(ends["lower"]), "high": float(ends["upper"])}
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder, estimators, regression_model = load_obp()
    results, wrong = [], []
    for campaign, expected in CAMPAIGNS.items():
        log, uniform = (Log(folder, policy, campaign) for policy in ("bts", "random"))
        actions = int(uniform.action.max()) + 1
        truth = float(uniform.reward.mean())
        policy = ours(arguments.tidemark, arguments.work, campaign, log, actions)
        peer = theirs(estimators, regression_model, log, actions)
        results.append({"campaign": campaign, "actions": actions, "truth": truth,
                        "tidemark": policy, "obp": peer})
        value = policy.get("value")
        if expected == "refused" and value:
            wrong.append(f"{campaign}: a value where it should be refused")
        if expected == "told":
            if not value:
                wrong.append(f"{campaign}: refused")
            elif not value["interval"]["low"] <= truth <= value["interval"]["high"]:
                wrong.append(f"{campaign}: the interval lacks the uniform log's own value")
            elif abs(policy["estimators"]["ips"]["mean"] - peer["ips"]["mean"]) > 1e-9:
                wrong.append(f"{campaign}: IPS differs from the package's")
            elif abs(policy["estimators"]["snips"]["mean"] - peer["snips"]["mean"]) > 1e-9:
                wrong.append(f"{campaign}: SNIPS differs from the package's")
    if arguments.json:
        print(json.dumps(results, indent=2, sort_keys=True))
    else:
        show(results)
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(65 if wrong else 0)


def show(results):
    def span(low, high):
        return f"{100 * low:.3f} … {100 * high:.3f}"

    for result in results:
        policy, truth = result["tidemark"], result["truth"]
        print(f"{result['campaign']}: {result['actions']} items; the uniform log's own clicks: "
              f"{100 * truth:.3f} % of 10,000")
        print(f"  effective sample {policy['effective_sample']:.0f}, largest weight "
              f"{100 * policy['largest_weight']:.2f} %, mean weight {policy['mean_weight']:.3f}")
        value = policy.get("value")
        if value:
            interval = value["interval"]
            print(f"  tidemark dr     {100 * value['mean']:.3f} %  "
                  f"{span(interval['low'], interval['high'])}")
            for name in ("snips", "ips"):
                found = policy["estimators"][name]
                print(f"  tidemark {name:6} {100 * found['mean']:.3f} %  "
                      f"{span(found['interval']['low'], found['interval']['high'])}")
        else:
            for refusal in policy["refusals"]:
                print(f"  tidemark refuses: {refusal['message']}")
        for name, found in result["obp"].items():
            print(f"  obp {name:11} {100 * found['mean']:.3f} %  "
                  f"{span(found['low'], found['high'])}")


if __name__ == "__main__":
    main()
