"""Results: declared once; kept in files; shown as text, as a table in a notebook, as a dataset."""

from .base import Part as Part
from .base import Result as Result
from .base import load as load
from .declaration import coordinate as coordinate
from .declaration import opaque as opaque
from .declaration import origin as origin
from .declaration import part as part
from .declaration import result as result
from .declaration import static as static
from .declaration import variable as variable
from .provenance import Provenance as Provenance
from .provenance import described as described
from .provenance import provenance as provenance
