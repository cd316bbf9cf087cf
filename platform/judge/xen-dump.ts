/** What Xen says about one domain on its console at the debug key q. */
export interface DomainDump {
  /** Its handle, in lower case. */
  uuid: string;
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
          uuid: /handle=([0-9a-f-]{36})/.exec(section)?.[1] ?? 'not said',
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

/** Xen's own lines, without their mark; guests print between them. */
export function xenLines(consoleText: string): string {
  return consoleText
    .split('\n')
    .flatMap((line) => /^\(XEN\) (?:\[.*?\] )?(.*)$/.exec(line)?.[1] ?? [])
    .join('\n');
}
