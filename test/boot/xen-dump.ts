/** What Xen says about one domain on its console when dom0 sends it the debug key q. */
export interface DomainDump {
  /** Pages of 4 KiB that it may have at most. */
  maxPages: number;
  interrupts: string;
  /** Machine frames, in hexadecimal. */
  iomem: string;
  ioports: string;
  /** The physical CPUs that each vCPU may run on. */
  affinities: string[];
}

/** The dumps by domid; the last one where the key was sent more than once. */
export function parseDomainDumps(consoleText: string): Map<number, DomainDump> {
  const xen = xenLines(consoleText);
  const [, ...sections] = xen.split(/^General information for domain /m);
  return new Map(
    sections.map((section) => {
      const set = (name: string) =>
        new RegExp(`^\\s*${name}\\s*\\{ ?(.*?) ?\\}`, 'm').exec(section)?.[1] ?? 'not said';
      return [
        Number.parseInt(section, 10),
        {
          maxPages: Number(/max_pages=(\d+)/.exec(section)?.[1]),
          interrupts: set('Interrupts'),
          iomem: set('I/O Memory'),
          ioports: set('I/O Ports'),
          affinities: [...section.matchAll(/affinities: hard=\{(.*?)\}/g)].map((m) => m[1] ?? ''),
        },
      ];
    }),
  );
}

/** The maxima of a domain's grant table and maptrack frames, as the debug key g shows them. */
export function parseGrantLimits(consoleText: string, domid: number): number[] {
  const line = new RegExp(
    `grant-table for remote d${domid} .*\\n.* frames \\((\\d+) max\\), \\d+ maptrack frames \\((\\d+) max\\)`,
  );
  return (line.exec(xenLines(consoleText)) ?? []).slice(1).map(Number);
}

/** Xen's own lines, without their mark; guests print between them. */
function xenLines(consoleText: string): string {
  return consoleText
    .split('\n')
    .flatMap((line) => /^\(XEN\) (?:\[.*?\] )?(.*)$/.exec(line)?.[1] ?? [])
    .join('\n');
}
