"""What this processor can do, and how runtimes are held to less of it."""

import os
import sys
from pathlib import Path

from ...errors import unknown
from ...kernels.ops import kernel_name

# Instruction sets that decide which kernels a runtime takes, as Linux names them.
TOLD = (
    'avx2', 'fma', 'avx_vnni', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_vpopcntdq',
    'avx512_bf16', 'amx_int8', 'asimd', 'asimddp', 'sve',
)  # fmt: skip
# Read once by each library when it starts, so they have to be there before.
HELD_TO = {
    'avx2': {
        'SURGE_KERNEL': 'avx2',
        'ONEDNN_MAX_CPU_ISA': 'AVX2',
        'ATEN_CPU_CAPABILITY': 'avx2',
        'OV_CPU_MAX_ISA': 'AVX2',
    },
}
NATIVE = 'native'


def processor_flags() -> set:
    """All that Linux tells; empty elsewhere."""
    info = Path('/proc/cpuinfo')
    rows = info.read_text().splitlines() if info.exists() else []
    flags = [row.split(':', 1)[1] for row in rows if row.startswith(('flags', 'Features'))]
    return set(flags[0].split()) if flags else set()


def told_flags() -> str:
    """Those of :data:`TOLD` that are there, for the head of a table."""
    found = processor_flags()
    return ' '.join(flag for flag in TOLD if flag in found) or 'not known'


def has_vnni() -> bool:
    """Whether four 8-bit products are added in 32 bits, so that nothing overflows."""
    return bool({'avx512_vnni', 'avx_vnni', 'asimddp'} & processor_flags())


def check_isa(name: str) -> None:
    """Raise ValueError unless this is an instruction set that one can ask for here."""
    if name not in (NATIVE, *HELD_TO):
        raise unknown('--isa', name, (NATIVE, *HELD_TO), '--isa {}')
    if name != NATIVE and name not in processor_flags():
        raise ValueError(f'this processor has no {name}. Write --isa {NATIVE}')


def held_to(name: str) -> None:
    """Start this program again with the environment of an instruction set.

    Does nothing for ``native``, or where the environment is as it has to be.

    Args:
        name (str): As :func:`check_isa` takes it.
    """
    wanted = HELD_TO.get(name, {})
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def runtime_conditions(isa: str) -> dict:
    """What a table's head says of the processor and of the kernels in use."""
    found = {'instruction sets': told_flags(), 'kernel': kernel_name()}
    held = ' '.join(f'{key}={value}' for key, value in HELD_TO.get(isa, {}).items())
    return {**found, 'held to': f'{isa} by {held}'} if held else found
