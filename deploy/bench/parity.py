"""The last step of deploy/bench/parity: PEFT loads adapters that Tidemark wrote."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fixtures"))
import torch
import transformers
from encoder import load_base, pooling_of, vectors_of
from peft import PeftModel
from safetensors.torch import load_file

transformers.logging.disable_progress_bar()
references, export = (pathlib.Path(argument) for argument in sys.argv[1:])
found = sorted(export.glob("*/adapters/*/adapter_config.json"))
worst = 0.0
for config in found:
    folder = config.parent
    base = references / folder.relative_to(export).parts[0]
    reference = load_file(references / folder.relative_to(export) / "reference.safetensors")
    ids = iter(int(i) for i in reference["ids"])
    sequences = [[next(ids) for _ in range(int(n))] for n in reference["lengths"]]
    model = PeftModel.from_pretrained(load_base(base), folder).eval()
    with torch.no_grad():
        vectors = vectors_of(model, sequences, pooling_of(base))
    ours = load_file(folder / "vectors.safetensors")["vectors"]
    difference = (vectors - ours).abs().max().item()
    moved = (ours - reference["vectors"]).abs().max().item()
    worst = max(worst, difference)
    print(f"{folder.relative_to(export)}: vectors differ by {difference:.2e}"
          f" (training moved them by {moved:.2e})")
if not found:
    sys.exit("nothing was exported")
if not worst <= 2e-5:
    sys.exit(f"the largest difference, {worst:.2e}, is above 2e-5")
