"""Both sides of deploy/bench/peers, which sets up what this needs and calls it."""
import argparse, gzip, json, os, pathlib, statistics, subprocess, sys, time

# Threads that wait for work must not take the other side's processor time while it runs.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, BertModel

RANK, ALPHA = 8, 16
CORES = os.cpu_count() or 1


class Ours:
    """`tidemark bench turns`, one case a line."""

    def __init__(self, program, plan, path):
        path.write_text(json.dumps(plan))
        self.process = subprocess.Popen(
            [program, "bench", "turns", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def run(self, case):
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"tidemark ended in the case {case}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class OneDNN:
    """deploy/bench/onednn.c: products of this library's own, one run a line."""

    def __init__(self, program, config):
        sizes = [str(n) for n in (config.hidden_size, config.intermediate_size, CORES)]
        self.process = subprocess.Popen(
            [program, *sizes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"})

    def run(self, case):
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("oneDNN's products ended")
        return {"gflops": float(line)}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Trained:
    """A PEFT model in training: mean-pooled, normalised vectors, AdamW with clipping."""

    def __init__(self, model_path, adapters, learning_rate=1e-3):
        base = BertModel.from_pretrained(model_path, add_pooling_layer=False)
        # Without dropout, as on the other side; gradients go through all the same.
        self.model = peft.PeftModel.from_pretrained(base, adapters, is_trainable=True).eval()
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=learning_rate, weight_decay=0.01)

    def step(self, ids, mask):
        self.optimizer.zero_grad()
        vectors = pooled(self.model, ids, mask)
        target = 0.05 * ((torch.arange(vectors.numel()) % 3) - 1).view_as(vectors)
        loss = 0.5 * ((vectors - target) ** 2).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return loss.item()


def pooled(model, ids, mask):
    hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
    if mask is None:
        mean = hidden.mean(1)
    else:
        wide = mask.unsqueeze(-1).float()
        mean = (hidden * wide).sum(1) / wide.sum(1)
    return torch.nn.functional.normalize(mean, dim=1)


class Theirs:
    """PyTorch with a number of threads. Its models take the same steps in the same order."""

    def __init__(self, options, threads, sequences, batches):
        self.threads = threads
        self.base = BertModel.from_pretrained(options.model, add_pooling_layer=False).eval()
        self.ids = torch.tensor(sequences)
        self.batches = batches
        self.next = 0
        adapters = [options.work / "all", options.work / "top", options.work / "top"]
        self.all, self.top, self.titled = (Trained(options.model, a) for a in adapters)
        config = self.base.config
        hidden, inner = config.hidden_size, config.intermediate_size
        shapes = [(hidden, 3 * hidden), (hidden, hidden), (hidden, inner), (inner, hidden)]
        self.products = [(torch.rand(512, k), torch.rand(n, k)) for k, n in shapes]

    def run(self, case):
        torch.set_num_threads(self.threads)
        start = time.perf_counter()
        turn = {}
        if case == "products":
            with torch.inference_mode():
                for _ in range(8):
                    for x, w in self.products:
                        torch.nn.functional.linear(x, w)
            turn["gflops"] = 8 * sum(2 * x.numel() * w.shape[0] for x, w in self.products) * 1e-9
        elif case == "forward":
            with torch.inference_mode():
                pooled(self.base, self.ids, None)
        elif case == "train_all":
            turn["loss"] = self.all.step(self.ids, None)
        elif case == "train_top":
            turn["loss"] = self.top.step(self.ids, None)
        elif case == "titles":
            batch = self.batches[self.next % len(self.batches)]
            self.next += 1
            turn["loss"] = self.titled.step(**batch)
        turn["seconds"] = time.perf_counter() - start
        if "gflops" in turn:
            turn["gflops"] /= turn["seconds"]
        return turn


class Refreshed:
    """All of a refresh's training: vectors of all texts, text weights fitted to their counts without
    each chunk, passes over the chunks, and vectors of all texts again."""

    # Prior variances and times, as the response head has them.
    WEIGHT, OWN, BIRTH, LOCAL, DRIFT = 0.12, 0.06, (0.05, 96.0), (0.1, 0.3, 24.0), (0.02, 1000.0)

    def __init__(self, options, plan, tokenizer):
        self.trained = Trained(options.model, plan["adapters"], plan["learning_rate"])
        self.tokenizer, self.size, self.passes = tokenizer, plan["chunk"], plan["passes"]
        self.texts = plan["texts"]
        trials, positives = (numpy.array(plan[k]) for k in ("trials", "positives"))
        self.hours = numpy.array(plan["born_hours"])
        base = (positives.sum() + 0.5) / (trials.sum() + 1)
        self.level = numpy.log(base / (1 - base))
        rate = (positives + 20 * base) / (trials + 20)
        slope = rate * (1 - rate)
        self.targets = numpy.log(rate / (1 - rate)) + (positives / trials - rate) / slope
        self.variances = 1 / (trials * slope)

    def encoded(self):
        rows = numpy.zeros((len(self.texts), self.trained.model.config.hidden_size))
        order = sorted(range(len(self.texts)), key=lambda i: len(self.texts[i]))
        with torch.inference_mode():
            for i in range(0, len(order), 128):
                part = order[i:i + 128]
                batch = padded(self.tokenizer, [self.texts[k] for k in part])
                rows[part] = pooled(self.trained.model, **batch).double().numpy()
        return rows

    def fit(self, rows, chunks):
        """-> weights and level, those without each chunk, and the inverse of each one's noise"""
        one = numpy.hstack([rows, numpy.ones((len(rows), 1))])
        size = one.shape[1]
        precision = numpy.diag(numpy.append(numpy.full(size - 1, 1 / self.WEIGHT), 1.0))
        shift = numpy.append(numpy.zeros(size - 1), self.level)
        noises = []
        for c in chunks:
            apart = abs(self.hours[c][:, None] - self.hours[c][None, :])
            noise = (self.DRIFT[0] * numpy.exp(-apart / self.DRIFT[1])
                     + self.BIRTH[0] * numpy.exp(-apart / self.BIRTH[1])
                     + self.LOCAL[0] * numpy.exp(
                         (rows[c] @ rows[c].T - 1) / self.LOCAL[1] - apart / self.LOCAL[2])
                     + numpy.diag(self.OWN + self.variances[c]))
            inverse = numpy.linalg.inv(noise)
            precision += one[c].T @ inverse @ one[c]
            shift += one[c].T @ (inverse @ self.targets[c])
            noises.append((noise, inverse))
        covariance = numpy.linalg.inv(precision)
        weights = covariance @ shift
        left_out = []
        for c, (noise, _) in zip(chunks, noises):
            product = one[c] @ covariance
            rest = noise - product @ one[c].T
            residual = self.targets[c] - one[c] @ weights
            left_out.append(weights - product.T @ numpy.linalg.solve(rest, residual))
        return weights, left_out, [inverse for _, inverse in noises]

    def run(self):
        generator = numpy.random.default_rng(1)
        rows = self.encoded()
        for _ in range(self.passes):
            cuts = list(range(1 + generator.integers(self.size), len(self.texts), self.size))
            chunks = [slice(a, b) for a, b in zip([0] + cuts, cuts + [len(self.texts)])]
            _, left_out, inverses = self.fit(rows, chunks)
            for k in generator.permutation(len(chunks)):
                c = chunks[k]
                batch = padded(self.tokenizer, self.texts[c])
                vectors = pooled(self.trained.model, **batch)
                weights = torch.tensor(left_out[k], dtype=torch.float32)
                residual = (torch.tensor(self.targets[c], dtype=torch.float32)
                            - vectors @ weights[:-1] - weights[-1])
                inverse = torch.tensor(inverses[k], dtype=torch.float32)
                loss = residual @ inverse @ residual / (2 * len(residual))
                self.trained.optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.trained.parameters, 1.0)
                self.trained.optimizer.step()
                rows[c] = vectors.detach().double().numpy()
        return self.encoded()

    def loss(self, rows):
        chunks = [slice(i, i + self.size) for i in range(0, len(self.texts), self.size)]
        weights, _, inverses = self.fit(rows, chunks)
        residual = self.targets - rows @ weights[:-1] - weights[-1]
        return sum(residual[c] @ i @ residual[c] for c, i in zip(chunks, inverses)) / (
            2 * len(self.texts))


def refresh_plan(options, titles):
    """Texts in the order of their births, each shown 25 times."""
    texts = [titles[i % len(titles)] + " again" * (i // len(titles))
             for i in range(options.refresh_texts)]
    generator = numpy.random.default_rng(1)
    rates = 1 / (1 + numpy.exp(1.6 - 0.4 * generator.normal(size=len(texts))))
    return {"adapters": str(options.work / "refresh"), "learning_rate": 3e-4,
            "texts": texts, "trials": [25.0] * len(texts),
            "positives": generator.binomial(25, rates).astype(float).tolist(),
            "born_hours": [2.0 * i for i in range(len(texts))],
            "passes": options.refresh_passes, "chunk": options.batch}


def measure_refresh(options, ours, plan, tokenizer):
    """One turn of each side: it takes a minute or more."""
    own = ours.run("refresh")
    torch.set_num_threads(CORES)
    theirs = Refreshed(options, plan, tokenizer)
    start = time.perf_counter()
    rows = theirs.run()
    seconds = time.perf_counter() - start
    loss = theirs.loss(rows)
    return {"texts": len(plan["texts"]), "passes": plan["passes"],
            "tidemark_seconds": own["seconds"], "reference_seconds": seconds,
            "ratio": seconds / own["seconds"], "tidemark_loss": own["loss"],
            "reference_loss": loss}


def read_titles(path):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(
        path, encoding="utf-8")
    titles = []
    with opened as lines:
        for line in lines:
            if line.startswith("{"):
                title = json.loads(line).get("title")
            else:
                title = line.strip()
            if title:
                titles.append(title)
    return titles


def make_adapters(options, layers):
    """The same starting point for both sides; both halves of the adapters away from zero."""
    some = ["query", "value"]
    # By the ends of their names: the attention's output is an output as well.
    every = ["query", "key", "value", "intermediate.dense", "output.dense"]
    for name, chosen, targets in (
            ("all", list(range(layers)), some), ("top", list(range(layers - 2, layers)), some),
            ("refresh", list(range(layers)), every)):
        torch.manual_seed(7)
        base = BertModel.from_pretrained(options.model, add_pooling_layer=False)
        model = get_peft_model(base, LoraConfig(
            r=RANK, lora_alpha=ALPHA, target_modules=targets,
            layers_to_transform=chosen, layers_pattern="layer"))
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.copy_(0.02 * torch.randn_like(parameter))
        model.save_pretrained(options.work / name)


def padded(tokenizer, titles):
    """One batch: each distinct title once, padded to the longest."""
    made = tokenizer(titles, padding=True, truncation=True, max_length=256, return_tensors="pt")
    return {"ids": made["input_ids"], "mask": made["attention_mask"]}


def measure(options):
    base = BertModel.from_pretrained(options.model, add_pooling_layer=False)
    generator = torch.Generator().manual_seed(1)
    shape = (options.batch, options.tokens)
    sequences = torch.randint(1000, base.config.vocab_size, shape, generator=generator)
    sequences[:, 0] = 101
    sequences = sequences.tolist()
    titles = list(dict.fromkeys(read_titles(options.titles))) if options.titles else []
    count = min(len(titles) // options.batch, 32)
    texts = [titles[i * options.batch:(i + 1) * options.batch] for i in range(count)]
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    batches = [padded(tokenizer, batch) for batch in texts]
    make_adapters(options, base.config.num_hidden_layers)

    theirs = [Theirs(options, t, sequences, batches) for t in sorted({1, CORES})]
    plan = {"base": str(options.model), "sequences": sequences, "batches": texts,
            "adapters_all": str(options.work / "all"), "adapters_top": str(options.work / "top")}
    cases = [c for c in NAMES if c in options.cases and (texts or c not in ("titles", "refresh"))]
    if "refresh" in cases:
        plan["refresh"] = refresh_plan(options, titles)
    ours = Ours(options.tidemark, {**plan, "threads": CORES}, options.work / "plan.json")
    refresh = None
    if "refresh" in cases:
        cases.remove("refresh")
        refresh = measure_refresh(options, ours, plan["refresh"], tokenizer)
    if "titles" in cases:
        ours.run("warm")
    onednn = OneDNN(options.onednn, base.config)
    turns = {}

    def run(round, case, who, name, runner):
        turn = runner.run(case)
        # The first two runs of a case warm caches and memory and do not count.
        if round >= 2:
            turns.setdefault((name, who), []).append(turn)

    for round in range(options.rounds + 2):
        for case in cases:
            run(round, case, "tidemark", case, ours)
            if case == "products":
                run(round, "library", "tidemark", "library", ours)
                run(round, case, "onednn", case, onednn)
            for their in theirs:
                run(round, case, their.threads, case, their)
    ours.close()
    onednn.close()
    return turns, cases, batches, refresh


def median(turns, key="seconds"):
    return statistics.median(turn[key] for turn in turns)


def report(options, turns, cases, batches):
    rows = []
    for case in cases:
        theirs = {t: turns[case, t] for t in sorted({1, CORES})}
        if case == "products":
            ours = median(turns[case, "tidemark"], "gflops")
            library = median(turns["library", "tidemark"], "gflops")
            rates = {t: median(v, "gflops") for t, v in theirs.items()}
            unit = "GFLOP/s"
        else:
            ours = options.batch / median(turns[case, "tidemark"])
            rates = {t: options.batch / median(v) for t, v in theirs.items()}
            unit = "texts/s"
        threads, best = max(rates.items(), key=lambda item: item[1])
        row = {"case": case, "tidemark": ours, "reference": best, "unit": unit,
               "reference_threads": threads, "reference_rates": rates, "ratio": ours / best}
        if case == "products":
            row["openblas"] = library
            row["onednn"] = median(turns[case, "onednn"], "gflops")
        losses = [
            abs(a["loss"] - b["loss"]) / abs(b["loss"])
            for t in theirs for a, b in zip(turns[case, "tidemark"], theirs[t]) if "loss" in a]
        if losses:
            row["largest_loss_difference"] = max(losses)
        rows.append(row)
    config = BertModel.config_class.from_pretrained(options.model)
    hidden, inner = config.hidden_size, config.intermediate_size
    per_token = 2 * (4 * hidden * hidden + 2 * hidden * inner) + 4 * options.tokens * hidden
    operations = config.num_hidden_layers * options.tokens * per_token
    summary = {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "peft": peft.__version__},
        "cores": CORES, "batch": options.batch, "tokens": options.tokens,
        "rounds": options.rounds, "rows": rows}
    named = {row["case"]: row for row in rows}
    if "forward" in named and "products" in named:
        products = named["products"]
        fastest = max(
            products[key] for key in ("tidemark", "openblas", "onednn", "reference"))
        summary["forward_gflops"] = named["forward"]["tidemark"] * operations * 1e-9
        summary["forward_share_of_fastest_products"] = summary["forward_gflops"] / fastest
    if "titles" in named:
        lengths = torch.cat([b["mask"].sum(1) for b in batches]).float()
        summary["titles"] = {
            "batches": len(batches), "mean_tokens": lengths.mean().item(),
            "mean_padded_tokens": statistics.mean(b["mask"].shape[1] for b in batches)}
    return summary


NAMES = {
    "products": "matrix products of a forward pass", "forward": "forward, padded work",
    "train_all": "LoRA step, all layers, padded work",
    "train_top": "LoRA step, top two layers, padded work",
    "titles": "LoRA step, top two layers, titles",
    "refresh": "a whole refresh, all projections of all layers"}


def show(summary):
    v = summary["versions"]
    print(f"tidemark on {summary['cores']} threads beside PyTorch {v['torch']}, Transformers "
          f"{v['transformers']}, PEFT {v['peft']}; {summary['batch']} texts of "
          f"{summary['tokens']} tokens; medians of {summary['rounds']} alternating runs\n")
    print(f"{'':40} {'tidemark':>9} {'reference':>9} {'':8} {'ratio':>6}")
    for row in summary["rows"]:
        rates = ", ".join(f"{t}: {r:.1f}" for t, r in row["reference_rates"].items())
        note = f"reference by threads {rates}"
        if "largest_loss_difference" in row:
            note += f"; losses differ by {row['largest_loss_difference']:.1e}"
        if "openblas" in row:
            note += f"; OpenBLAS {row['openblas']:.1f}, oneDNN {row['onednn']:.1f}"
        print(f"{NAMES[row['case']]:40} {row['tidemark']:9.1f} {row['reference']:9.1f} "
              f"{row['unit']:8} {row['ratio']:6.2f}  {note}")
    print()
    if "forward_gflops" in summary:
        print(f"forward: {summary['forward_gflops']:.1f} GFLOP/s, "
              f"{100 * summary['forward_share_of_fastest_products']:.1f} % of the fastest products "
              "measured in this run")
    if "titles" in summary:
        t = summary["titles"]
        print(f"titles: {t['batches']} batches, {t['mean_tokens']:.1f} tokens a title, padded "
              f"{t['mean_padded_tokens']:.1f}; tidemark packs them and keeps the frozen layers' "
              "output, tokenization included; the reference gets them tokenized")


def show_refresh(refresh):
    print(f"a refresh of {refresh['texts']} texts, {refresh['passes']} passes, once: tidemark "
          f"{refresh['tidemark_seconds']:.1f} s, PEFT {refresh['reference_seconds']:.1f} s, ratio "
          f"{refresh['ratio']:.2f}; loss a text {refresh['tidemark_loss']:.4f} and "
          f"{refresh['reference_loss']:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--onednn", required=True)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--titles")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--cases", default=[c for c in NAMES if c != "refresh"], type=lambda text: text.split(","))
    parser.add_argument("--refresh-texts", type=int, default=6000)
    parser.add_argument("--refresh-passes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.rounds < 1 or options.batch < 1 or not 2 <= options.tokens <= 512:
        parser.error("--rounds and --batch are at least 1, --tokens is between 2 and 512")
    for case in options.cases:
        if case not in NAMES:
            parser.error(f"no case is called {case}; there are {', '.join(NAMES)}")
    turns, cases, batches, refresh = measure(options)
    summary = report(options, turns, cases, batches)
    if refresh:
        summary["refresh"] = refresh
    if options.json:
        print(json.dumps(summary, indent=1))
    else:
        if cases:
            show(summary)
        if refresh:
            show_refresh(refresh)
    worst = max((r.get("largest_loss_difference", 0) for r in summary["rows"]), default=0)
    if not worst < 1e-3:
        sys.exit(65)
    # Both cut and order the chunks by chance of their own, which makes up to a tenth on either side.
    if refresh and not abs(refresh["tidemark_loss"] / refresh["reference_loss"] - 1) < 0.1:
        sys.exit(65)


transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
main()
