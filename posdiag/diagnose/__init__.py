"""Pure functions over values handed in: observation -> evidence -> posterior -> tests and fixes."""

from posdiag.diagnose.evidence import Gaps
from posdiag.diagnose.verdict import diagnose, exit_code

__all__ = ["Gaps", "diagnose", "exit_code"]
