from topodepth.errors import InputError as InputError
from topodepth.study import draw as draw
from topodepth.study.costs import Cost as Cost
from topodepth.study.costs import estimate as estimate
from topodepth.study.features import features as features
from topodepth.study.measurement import Comparison as Comparison
from topodepth.study.measurement import Measurement as Measurement
from topodepth.study.measuring import measure as measure
from topodepth.study.monitor import Monitor as Monitor
from topodepth.study.taps import taps as taps

__version__: str
PUBLIC: dict[str, str]
