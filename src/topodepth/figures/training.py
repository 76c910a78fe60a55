"""Training curves: accuracy, loss and learning rate by epoch, one curve per model."""

from typing import TYPE_CHECKING, Any

from topodepth.figures import frame, keys, scales, style
from topodepth.figures.frame import Labels, Models

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

COLUMNS = ("model", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")


def draw(table: "DataFrame", *, models: Models = None, labels: Labels = None, title: str = "") -> "Figure":
    """Draw accuracy, loss and learning rate by epoch: validation solid, training dashed and thin.

    Parameters
    ----------
    table
        History with the columns model, epoch, loss, accuracy, val_loss, val_accuracy, learning_rate; cells that a
        model does not have (no validation split) are empty.
    models
        Models to draw, in the order that gives them their colours; default: all, in the table's order.
    labels
        Names for the legend; default: the model's own.
    """
    table, names = frame.of_models(table, COLUMNS, models, "training")
    marks, table = style.marks(names), table.sort_values("epoch", kind="stable")
    with style.look():
        figure = style.new_figure(11.4, 3.8, title)
        accuracy, loss, rate = figure.subplots(1, 3)
        crowded = len(marks) > style.MANY
        for number, (model, mark) in enumerate(marks.items()):
            own = table[table["model"] == model]
            every = max(1, len(own) // 10)
            line: dict[str, Any] = {
                "color": mark.colour,
                "linestyle": mark.line,
                "marker": mark.marker,
                "markevery": (number % every, every),  # staggered, so that equal curves are still told apart
                "markeredgecolor": "white",
                "zorder": 3,
            }
            thin, epoch = {**style.THIN, "color": mark.colour}, own["epoch"]
            if crowded:
                line, thin = style.CROWD, {**style.THIN, "linewidth": 0.6, "alpha": 0.4}
            elif len(own) == 1:  # a single epoch has no line; side by side, so that equal values are both seen
                thin |= {"marker": "_", "markersize": 11, "markeredgewidth": 1.6}
                epoch = epoch + 0.6 * ((number + 0.5) / len(marks) - 0.5)
            for axes, name in ((accuracy, "accuracy"), (loss, "loss")):
                axes.plot(epoch, own[name], **thin)
                axes.plot(epoch, own[f"val_{name}"], **line)
            rate.plot(epoch, own["learning_rate"], drawstyle="steps-mid", **line)
        accuracy.set(title="Accuracy", ylabel="accuracy", ylim=(None, min(1.0, accuracy.get_ylim()[1])))
        loss.set(title="Loss", ylabel="loss")
        rate.set(title="Learning rate", ylabel="learning rate")
        for axes in (accuracy, loss, rate):
            scales.epoch_axis(axes)
        for axes in (loss, rate):
            scales.log_axis(axes)
        key = [keys.line_handle("validation", marker="o"), keys.line_handle("training", **style.THIN)]
        if crowded:
            named, key = [*keys.crowd(len(marks)), keys.line_handle("validation", **style.CROWD)], key[1:]
        else:
            named = keys.model_handles(marks, labels or {})
        keys.legend(figure, named, key)
    return figure
