import { safe } from '../text.ts';
import type { RunningDomain } from './running-domains.ts';

/** Domains as a table for people. Names and labels come from others. */
export function domainTable(domains: readonly RunningDomain[]): string {
  const rows = [
    ['NAME', 'DOMID', 'UUID', 'STATE', 'MEMORY', 'VCPUS', 'LABEL'],
    ...domains.map(({ name, domid, uuid, state, memoryKiB, vcpus, seclabel }) => [
      safe(name ?? '-'),
      String(domid),
      uuid,
      state,
      `${Math.round(memoryKiB / 1024)} MiB`,
      String(vcpus),
      safe(seclabel),
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths?.[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
