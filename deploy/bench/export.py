"""The parts of deploy/bench/export: a log to learn from, texts to embed, and PEFT's vectors of them."""
import json, pathlib, random, sys

KINDS = ["kettle", "novel", "jacket", "drill", "lamp", "perfume", "tent", "sofa"]
MAKES = ["steel", "blue", "light", "classic", "large", "quiet", "Italian", "spare"]


def log():
    """Outcomes that depend on what the titles say, so that a refresh has something to learn."""
    draw = random.Random(7)
    items = [(f"{make} {kind}", KINDS.index(kind) / 10) for kind in KINDS for make in MAKES]
    for number, (title, _) in enumerate(items):
        print(json.dumps({"type": "item", "event_id": f"i{number}", "ts": 1_760_000_000_000 + number,
                          "item_id": f"i{number}", "title": title, "price": 20, "cost": 8}))
    for number in range(4_000):
        item = draw.randrange(len(items))
        print(json.dumps({
            "type": "outcome", "event_id": f"o{number}", "ts": 1_760_000_001_000 + 500 * number,
            "user_id": f"u{draw.randrange(200)}", "item_id": f"i{item}", "price": 20,
            "discount": draw.choice([0, 0.1, 0.2]), "purchased": draw.random() < items[item][1]}))


def texts():
    draw = random.Random(8)
    words = KINDS + MAKES + ["über", "1.7", "L", "—", "日本", "emoji 🛒", "x" * 40]
    for count in list(range(1, 40)) + [60, 120]:
        print(json.dumps({"text": " ".join(draw.choice(words) for _ in range(count))}))


def compare(export, asked, ours):
    import torch
    from peft import PeftModel
    from transformers import AutoModel, AutoTokenizer

    export = pathlib.Path(export)
    base = json.loads((export / "adapter_config.json").read_text())["base_model_name_or_path"]
    sentences, ours = (
        [json.loads(line)[key] for line in pathlib.Path(path).read_text().splitlines()]
        for path, key in ((asked, "text"), (ours, "vector")))
    tokenizer = AutoTokenizer.from_pretrained(base)
    plain = AutoModel.from_pretrained(base).eval()

    def vectors(model):
        found = []
        with torch.no_grad():
            for sentence in sentences:
                batch = tokenizer(sentence, return_tensors="pt", truncation=True, max_length=128)
                hidden = model(**batch).last_hidden_state[0].mean(0)
                found.append(torch.nn.functional.normalize(hidden, dim=0))
        return torch.stack(found)

    before = vectors(plain)
    theirs = vectors(PeftModel.from_pretrained(plain, export).eval())
    mine = torch.tensor(ours)
    difference = (theirs - mine).abs().max().item()
    moved = (theirs - before).abs().max().item()
    print(f"{len(sentences)} texts: PEFT's vectors differ from Tidemark's by {difference:.2e} at most;"
          f" the adapters move them by {moved:.2e}")
    if not difference <= 2e-5:
        sys.exit("that is above 2e-5")
    if not moved > 100 * difference:
        sys.exit("the adapters do nothing: nothing was shown")


{"log": log, "texts": texts, "compare": compare}[sys.argv[1]](*sys.argv[2:])
