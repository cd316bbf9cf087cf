const kibPerUnit = { MiB: 1024, GiB: 1024 ** 2, TiB: 1024 ** 3 } as const;

/** KiB for a size with a unit, such as `512MiB`. The schema has checked the form. */
export function memoryKiB(text: string): number {
  const unit = text.slice(-3) as keyof typeof kibPerUnit;
  return Number(text.slice(0, -3)) * kibPerUnit[unit];
}

/** The size in the largest unit that gives a whole number, such as `1536MiB`. */
export function formatMemory(kib: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB'] as const) {
    if (kib % kibPerUnit[unit] === 0) return `${kib / kibPerUnit[unit]}${unit}`;
  }
  return `${kib}KiB`;
}
