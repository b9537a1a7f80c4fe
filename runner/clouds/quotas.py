"""Quotas of an account on EC2: which one bounds a type of machine, and where it is raised.

They count vCPUs of whole families, apart for each market and region. The codes are the same in all accounts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.canonical.machine import cpus_of

_FAMILIES = (
    ("G and VT", r"(?:g|gr|vt)\d.*", "L-DB2E81BA", "L-3819A6DF"),
    ("P", r"p[2-4].*", "L-417A185B", "L-7212CCBC"),
    ("P", r"p5.*", "L-417A185B", "L-C4BD4855"),
    ("P", r"p\d.*", "L-417A185B", ""),
    ("DL", r"dl\d.*", "L-6E869C2A", "L-85EED4F7"),
    ("Trn", r"trn\d.*", "L-2C3B7624", "L-6B0D517C"),
    ("Inf", r"inf\d.*", "L-1945791B", "L-B5D1601B"),
    ("F", r"f\d.*", "L-74FC7D96", "L-88CF9481"),
    ("X", r"x\d.*", "L-7295265B", "L-E3A00192"),
    ("HPC", r"hpc\d.*", "L-F7808C92", ""),
    ("standard", r"(?:a|c|d|h|i|im|is|m|r|t|z)\d.*", "L-1216C47A", "L-34B43A08"),
)
"""Name, how its types begin, code of the quota on demand, code of that on the spot market ("" for none)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaName:
    """`family` in a word, `code` as Service Quotas has it."""

    family: str
    code: str
    spot: bool

    def __str__(self) -> str:
        return f"{self.family} machines, {'spot' if self.spot else 'on-demand'}"

    def page(self, region: str) -> str:
        """Where somebody asks for more. `region` "": the page asks for it."""
        host = f"{region}.console.aws.amazon.com" if region else "console.aws.amazon.com"
        return f"https://{host}/servicequotas/home/services/ec2/quotas/{self.code}"


def quota_of(type_: str, *, spot: bool) -> QuotaName | None:
    """That which bounds how many machines of this type there can be; None where it is not known here."""
    for family, begins, on_demand, on_spot in _FAMILIES:
        code = on_spot if spot else on_demand
        if code and re.fullmatch(begins, type_):
            return QuotaName(family=family, code=code, spot=spot)
    return None


def hints(type_: str, *, spot: bool, region: str) -> Mapping[str, str]:
    """What to do when EC2 refuses a machine for a quota, by its error code."""
    found = quota_of(type_, spot=spot)
    if found is None:
        return {}
    vcpus = cpus_of([type_])
    takes = f" (this one takes {vcpus} vCPUs)" if vcpus is not None else ""
    where = f" in {region}" if region else ""
    hint = f"ask for more of the quota for {found}{where}{takes}: {found.page(region)}"
    return dict.fromkeys(("VcpuLimitExceeded", "MaxSpotInstanceCountExceeded"), hint)
