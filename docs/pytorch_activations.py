"""Write the activations of a PyTorch network to a file that topodepth reads: pip install torch numpy h5py."""

import sys
from collections.abc import Iterable, Sequence

import h5py
import numpy as np
import torch


def write_activations(
    model: torch.nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    modules: Sequence[str],
    path: str,
    name: str = "pytorch",
) -> None:
    """Run the model over ``batches`` of (images, labels) and write the outputs of ``modules``, given in order of depth.

    Outputs with space, (n, channels, height, width), are averaged over it; sequences, (n, positions, features), over
    positions. A module that is applied several times, such as one shared ReLU, keeps its last application: give it a
    module of its own to see them all.
    """
    found: dict[str, torch.Tensor] = {}

    def keep(module_name: str):
        def hook(_module, _inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            if output.ndim == 3:
                output = output.mean(dim=1)
            elif output.ndim > 3:
                output = output.flatten(2).mean(dim=2)
            found[module_name] = output.float().clone()  # the next module may work in place

        return hook

    handles = [model.get_submodule(module).register_forward_hook(keep(module)) for module in modules]
    model.eval()
    device = next(model.parameters()).device
    labels: list[np.ndarray] = []
    try:
        with h5py.File(path, "w") as file, torch.inference_mode():
            file.attrs["model"] = name
            for images, classes in batches:
                model(images.to(device))
                labels.append(classes.numpy())
                for index, module in enumerate(modules):
                    values = found[module].cpu().numpy()
                    key = f"layers/{index:03d}_{module}"
                    if key not in file:
                        file.create_dataset(
                            key, (0, values.shape[1]), "float32", chunks=(256, values.shape[1]),
                            maxshape=(None, values.shape[1]),
                        )  # fmt: skip
                        file[key].attrs["layer_class"] = type(model.get_submodule(module)).__name__
                    dataset = file[key]
                    dataset.resize(len(dataset) + len(values), axis=0)
                    dataset[-len(values) :] = values
            file["labels"] = np.concatenate(labels).astype(np.int64)
    finally:
        for handle in handles:
            handle.remove()


def main() -> None:
    """Try it: a small untrained network on random images."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 16, 3), torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 4),
    )  # fmt: skip
    batches = [(torch.rand(50, 3, 16, 16), torch.arange(50) % 4) for _ in range(4)]
    write_activations(model, batches, ["1", "3", "6"], sys.argv[1] if len(sys.argv) > 1 else "pytorch.h5")


if __name__ == "__main__":
    main()
